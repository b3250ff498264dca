"""A real Prometheus and a real Alertmanager on loopback, started as the stack starts its own."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from btcwatcher_local.loopback import free_port
from btcwatcher_local.monitoring.config import Target, scrape_config, stack_targets
from btcwatcher_local.monitoring.programs import (
    ALERTMANAGER_NAMES,
    alertmanager_command,
    find,
    prometheus_command,
    working_directory,
)
from support.stack import RunningStack

Object = dict[str, Any]

SCRAPE_SECONDS = 1
START_SECONDS = 120.0
MISSING = "no prometheus: `make test` brings it where there is apt-get"
NO_ALERTMANAGER = "no alertmanager: `make test` brings it where there is apt-get"


def binary(*names: str) -> Path | None:
    """From `make test`, or from the PATH."""
    return find(*names or ("prometheus",))


def no_alertmanager() -> bool:
    return find(*ALERTMANAGER_NAMES) is None


@contextlib.contextmanager
def scraping(folder: Path, jobs: list[Object], **more: Any) -> Iterator[str]:
    """Its URL, once every target was scraped; `jobs` are scrape_configs, `more` is the rest of its configuration."""
    program = binary()
    assert program is not None, MISSING
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.yml"
    interval = {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"}
    config.write_text(yaml.safe_dump({"global": interval, "scrape_configs": jobs, **more}))
    address = f"127.0.0.1:{free_port()}"
    command = prometheus_command(program, config, folder / "data", address)
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until_up(f"http://{address}", len(jobs), process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def alerting(folder: Path, config: Object) -> Iterator[str]:
    """An Alertmanager's URL, once it is ready."""
    program = binary(*ALERTMANAGER_NAMES)
    assert program is not None, NO_ALERTMANAGER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = alertmanager_command(program, file, folder / "data", address)
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=working_directory(program))
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _ready(f"http://{address}"):
            assert process.poll() is None, (folder / "alertmanager.log").read_text()
            assert time.monotonic() < deadline, (folder / "alertmanager.log").read_text()
            time.sleep(0.1)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def _ready(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/-/ready").status_code == 200
    return False


def job(name: str, target: str) -> Object:
    """As the stack scrapes its own."""
    return scrape_config(Target(name, target))


def jobs_of(stack: RunningStack) -> list[Object]:
    """What the stack's own Prometheus scrapes, for one with rules or times of a test's."""
    (node,) = stack.kubectl.list("nodes", "default")
    port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    token = stack.folder / "kubelet-token"
    token.write_text(yaml.safe_load((stack.folder / "kubeconfig").read_text())["users"][0]["user"]["token"])
    targets = stack_targets(
        operator_url=stack.operator_url,
        api_url=stack.api_url,
        collector_url=stack.collector_url,
        worker_url=stack.worker_url,
        market_url=stack.market_url,
        kubelet=f"127.0.0.1:{port}",
        kubelet_token=token,
    )
    return [scrape_config(target) for target in targets]


def until_up(url: str, count: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Waits until a Prometheus has scraped all its targets; there are so many."""
    deadline = time.monotonic() + START_SECONDS
    while not (_ready(url) and _all_up(url, count)):
        assert process is None or process.poll() is None, "Prometheus has ended: see its log"
        assert time.monotonic() < deadline, json.dumps(_targets(url), indent=1)
        time.sleep(0.2)


def _targets(url: str) -> list[Object]:
    try:
        found: list[Object] = httpx.get(f"{url}/api/v1/targets").json()["data"]["activeTargets"]
    except (httpx.TransportError, ValueError, KeyError):
        return []
    return found


def _all_up(url: str, count: int) -> bool:
    targets = _targets(url)
    return len(targets) == count and all(target["health"] == "up" for target in targets)
