"""The operator as a process to start, stop and kill."""

import os
import subprocess
import uuid
from pathlib import Path

from support import rights
from support.chart import NAMESPACE
from support.kubectl import REPOSITORY, Kubectl


class Operator:
    """A real operator process that looks after one namespace, with the rights that the chart gives it for that."""

    def __init__(self, kubectl: Kubectl, namespace: str, folder: Path, lease: str = "") -> None:
        """`lease`: the namespace of its Lease, where that is another than the chart's."""
        for name in ("webhook", "bot"):
            (folder / name).write_text(f"a {name} key of at least thirty-two bytes")
        self.log = folder / "operator.log"
        self.env = {
            **os.environ,
            "KUBECONFIG": str(rights.kubeconfig(kubectl.kubeconfig, "operator", namespace, lease)),
            "BTCWATCHER_WEBHOOK_URL": "http://127.0.0.1:8000",
            "BTCWATCHER_WEBHOOK_KEY_FILE": str(folder / "webhook"),
            "BTCWATCHER_BOT_KEY_FILE": str(folder / "bot"),
            "BTCWATCHER_BASE_DOMAIN": "bots.localhost",
            "BTCWATCHER_NAMESPACES": namespace,
            "BTCWATCHER_LEASE_NAMESPACE": lease or namespace or NAMESPACE,
            # One process after another: the next goes on at once.
            "BTCWATCHER_REPLICA": f"operator-{uuid.uuid4().hex[:8]}",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [REPOSITORY / ".venv" / "bin" / "btcwatcher-operator"],
                env={**self.env, **{f"BTCWATCHER_{name.upper()}": value for name, value in settings.items()}},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def resident_mib(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kilobytes) / 1024

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None
