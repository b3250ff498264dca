"""A real Prometheus on loopback that scrapes a running stack."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from support.kubectl import REPOSITORY
from support.stack import RunningStack, free_port

Object = dict[str, Any]

SCRAPE_SECONDS = 1
START_SECONDS = 120.0
MISSING = "no prometheus: `make test` brings it where there is apt-get"
NO_ALERTMANAGER = "no alertmanager: `make test` brings it where there is apt-get"


def binary(name: str = "prometheus") -> Path | None:
    """From `make test`, or from the PATH."""
    unpacked = REPOSITORY / ".tools" / "monitoring" / "usr" / "bin" / name
    found = str(unpacked) if unpacked.exists() else shutil.which(name)
    return Path(found) if found else None


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
    command = [str(program), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address={address}"]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _all_up(f"http://{address}", len(jobs)):
            assert process.poll() is None, (folder / "prometheus.log").read_text()
            assert time.monotonic() < deadline, json.dumps(_targets(f"http://{address}"), indent=1)
            time.sleep(0.2)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def alerting(folder: Path, config: Object) -> Iterator[str]:
    """An Alertmanager's URL, once it is ready."""
    program = binary("prometheus-alertmanager") or binary("alertmanager")
    assert program is not None, NO_ALERTMANAGER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    # Without an address for its cluster it is alone, and speaks to nobody.
    command = [str(program), f"--config.file={file}", f"--storage.path={folder / 'data'}",
               f"--web.listen-address={address}", "--cluster.listen-address="]  # fmt: skip
    # Where it was unpacked it finds its templates.
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=program.parents[2])
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


def jobs_of(stack: RunningStack) -> list[Object]:
    """All that a stack serves, its node's kubelet included."""
    urls = {"operator": stack.operator_url, "api": stack.api_url, "collector": stack.collector_url,
            "worker": stack.worker_url}  # fmt: skip
    return [*(job(f"btcwatcher-{name}", url.removeprefix("http://")) for name, url in urls.items()), _kubelet(stack)]


def job(name: str, target: str, extra: Mapping[str, Any] | None = None) -> Object:
    # honor_labels: a series' namespace is its Strategy's.
    return {"job_name": name, "honor_labels": True, "static_configs": [{"targets": [target]}], **(extra or {})}


def _kubelet(stack: RunningStack) -> Object:
    (node,) = stack.kubectl.list("nodes", "default")
    port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    token = stack.folder / "kubelet-token"
    token.write_text(yaml.safe_load((stack.folder / "kubeconfig").read_text())["users"][0]["user"]["token"])
    cadvisor = {"metrics_path": "/metrics/cadvisor", "authorization": {"credentials_file": str(token)}}
    return job("kubelet", f"127.0.0.1:{port}", cadvisor)


def _targets(url: str) -> list[Object]:
    try:
        found: list[Object] = httpx.get(f"{url}/api/v1/targets").json()["data"]["activeTargets"]
    except (httpx.TransportError, ValueError, KeyError):
        return []
    return found


def _all_up(url: str, count: int) -> bool:
    targets = _targets(url)
    return len(targets) == count and all(target["health"] == "up" for target in targets)
