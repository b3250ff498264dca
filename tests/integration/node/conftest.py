"""Controllers, node agent and ingress on the embedded API server and, with --all-faults, on a real one."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from support import realapi
from support.localcluster import LocalCluster, local_cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session", params=["embedded", "real"])
def kubeconfig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if request.param == "real":
        if realapi.binaries() is None:
            pytest.skip(realapi.MISSING)
        if not request.config.getoption("--all-faults"):
            pytest.skip("`make faults` runs it")
        with realapi.running() as api:
            yield api.kubeconfig
        return
    folder = tmp_path_factory.mktemp("apiserver")
    path = folder / "kubeconfig"
    command = [sys.executable, "-m", "btcwatcher_local.apiserver", "--kubeconfig", str(path)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--token-file", str(folder / "token")], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 30
        while not path.exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "the embedded API server did not start"
            time.sleep(0.05)
        yield path
    finally:
        process.terminate()
        process.wait(10)


@pytest_asyncio.fixture
async def cluster(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[LocalCluster]:
    """A namespace; nothing runs in it yet."""
    async with local_cluster(kubeconfig, tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def node(cluster: LocalCluster) -> LocalCluster:
    """A namespace and a node agent."""
    await cluster.start_node()
    return cluster


@pytest_asyncio.fixture
async def full(node: LocalCluster) -> LocalCluster:
    """A namespace, a node agent and the controllers."""
    await node.start_controllers()
    return node
