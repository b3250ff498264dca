"""The whole local stack as a process, as `make run` starts it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from btcwatcher_local.loopback import free_port
from btcwatcher_local.postgres import EmbeddedPostgres
from support.kubectl import REPOSITORY, Kubectl

READY = "Ctrl-C stops everything"
START_SECONDS = 300.0
STOP_SECONDS = 120.0


@dataclass(frozen=True)
class RunningStack:
    folder: Path
    api_url: str
    collector_url: str
    worker_url: str
    operator_url: str
    market_url: str
    catcher_url: str
    smtp_port: int
    """Where the catcher takes mails."""
    prometheus_url: str
    """Where it is, if the stack was started with it."""
    alertmanager_url: str
    output: Path
    process: subprocess.Popen[bytes]

    @property
    def real_api_server(self) -> bool:
        return "--kubeconfig" in self.process.args  # type: ignore[operator]

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.folder / "kubeconfig")

    def signals(self, **filters: str) -> list[dict[str, Any]]:
        """What `GET /api/v1/signals/` answers."""
        token = (self.folder / "keys" / "read-token").read_text()
        answer = httpx.get(
            f"{self.api_url}/api/v1/signals/", params=filters, headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def caught(self, to: str) -> list[dict[str, Any]]:
        """What the catcher has of one receiver, or of one webhook's path, the first first."""
        items = httpx.get(f"{self.catcher_url}/messages", timeout=10).json()["items"]
        return [item for item in reversed(items) if item["to"] == to]

    @property
    def database_url(self) -> str:
        """As the API was given it."""
        return self.environment(self.listener(urlsplit(self.api_url).port or 0))["BTCWATCHER_DATABASE_URL"]

    def processes(self) -> list[int]:
        """Every process with this stack's folder in its command line or environment, or working in it."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if str(self.folder).encode() in told + bytes((entry / "cwd").readlink()):
                    found.append(int(entry.name))
        return found

    def listener(self, port: int) -> int:
        """The process of this stack that listens on a port; an AssertionError when none does."""
        sockets = set()
        for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
        for pid in self.processes():
            with contextlib.suppress(OSError):
                for handle in Path(f"/proc/{pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        if str(handle.readlink()) in sockets:
                            return pid
        raise AssertionError(f"nothing of this stack listens on {port}")

    def environment(self, pid: int) -> dict[str, str]:
        """What a process of this stack was started with."""
        entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        return dict(entry.split("=", 1) for entry in entries if "=" in entry)

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)


@contextlib.contextmanager
def running(folder: Path, pool: str, *arguments: str, monitoring: bool = False) -> Iterator[RunningStack]:
    """`btcwatcher-local up` without the examples; stopped by Ctrl-C at the end. Prometheus scrapes each second."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output.log"
    port, collector_port, worker_port, operator_port, catcher_port, smtp_port = (free_port() for _ in range(6))
    prometheus_port, alertmanager_port, market_port = (free_port() for _ in range(3))
    watched = ["--prometheus-port", str(prometheus_port), "--alertmanager-port", str(alertmanager_port),
               "--scrape-seconds", "1"]  # fmt: skip
    command = [
        str(REPOSITORY / ".venv" / "bin" / "btcwatcher-local"), "up", "--no-examples", "--folder", str(folder),
        "--api-port", str(port), "--ingress-port", str(free_port()), "--pool", pool,
        "--collector-port", str(collector_port), "--worker-port", str(worker_port),
        "--operator-port", str(operator_port), "--market-port", str(market_port),
        "--catcher-port", str(catcher_port), "--smtp-port", str(smtp_port),
        *(watched if monitoring else ["--no-monitoring"]), *arguments,
    ]  # fmt: skip
    # Below a folder of root's Postgres keeps its data elsewhere, where an earlier run of this path may have left some.
    database = EmbeddedPostgres(folder / "postgres")
    database.remove()
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    local = "http://127.0.0.1"
    stack = RunningStack(
        folder,
        api_url=f"{local}:{port}",
        collector_url=f"{local}:{collector_port}",
        worker_url=f"{local}:{worker_port}",
        operator_url=f"{local}:{operator_port}",
        market_url=f"{local}:{market_port}",
        catcher_url=f"{local}:{catcher_port}",
        smtp_port=smtp_port,
        prometheus_url=f"{local}:{prometheus_port}",
        alertmanager_url=f"{local}:{alertmanager_port}",
        output=output,
        process=process,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while READY not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        yield stack
    finally:
        stack.stop()
        database.remove()
