"""What helm does with a chart, both versions of it: every step waits, and is seen to have done what it says."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from btcwatcher_local.client import resources
from btcwatcher_local.client.resources import CRDS, DEPLOYMENTS, JOBS, PODS, REPLICA_SETS, SECRETS, SERVICE_ACCOUNTS
from btcwatcher_local.loopback import free_port
from support.localcluster import eventually

if TYPE_CHECKING:
    from support.localcluster import LocalCluster

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[3]
CHART = REPOSITORY / "tests" / "data" / "charts" / "small"
# Version 3 does not look at the progress deadline: it waits its whole time.
UNTIL_IT_FAILS = {"4": ["--rollback-on-failure", "--timeout=60s"], "3": ["--no-hooks", "--timeout=3s"]}


class Helm:
    """One release of the chart, in the cluster's namespace."""

    def __init__(self, version: str, cluster: LocalCluster, home: Path) -> None:
        self._program = REPOSITORY / ".tools" / "helm" / f"helm-{version}"
        self._cluster, self._home = cluster, home
        self.port = free_port()

    async def __call__(self, *words: str, fails: bool = False, **values: str) -> str:
        """Its output; its errors when it must fail."""
        settings = [f"--set={name}={value}" for name, value in values.items()]
        command = [str(self._program), *words, *settings, f"--namespace={self._cluster.namespace}"]
        env = {"HOME": str(self._home), "PATH": "/usr/bin:/bin", "KUBECONFIG": str(self._cluster.kubeconfig)}
        done = await asyncio.to_thread(
            subprocess.run, command, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode != 0) == fails, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stderr if fails else done.stdout

    async def put(self, verb: str, *words: str, fails: bool = False, **values: str) -> str:
        """Install or upgrade, and wait for the outcome."""
        values |= {"port": str(self.port)}
        return await self(verb, "web", str(CHART), "--wait", *words, fails=fails, **values)

    def says(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}/greeting", timeout=10).text


# Both helms install the real chart in tests/e2e/test_chart.py.
@pytest.mark.full
@pytest.mark.parametrize("version", ["4", "3"])
async def test_a_release_from_install_to_uninstall(full: LocalCluster, tmp_path: Path, version: str) -> None:
    helm = Helm(version, full, tmp_path)
    crd = f"gadgets.{full.namespace}.btcwatcher.io"
    try:
        await helm.put("install")
        assert helm.says() == "hello"
        assert await full.client.get_or_none(CRDS, "", crd), "a kind of the chart's own"
        await full.until_told("web-prepare", "Completed")
        assert await full.get("web-prepare", JOBS) is None, "a hook that went well is removed"
        assert "Succeeded" in await helm("test", "web")
        # Not by `helm test --logs`: a real API server does not find this node by its name.
        assert await full.log("web-asks") == "hello\n"

        await helm.put("upgrade", greeting="hi")
        assert helm.says() == "hi"

        broken = {"greeting": "bad", "works": "false", "deadline": "2"}
        told = await helm.put("upgrade", *UNTIL_IT_FAILS[version], fails=True, **broken)
        assert "UPGRADE FAILED" in told
        if version == "3":
            await helm("rollback", "web", "2", "--wait")
        assert helm.says() == "hi"
        await helm("rollback", "web", "1", "--wait")
        assert helm.says() == "hello"

        await helm("uninstall", "web", "--wait")
        for kind in (DEPLOYMENTS, SECRETS, SERVICE_ACCOUNTS):
            assert await full.get("web", kind) is None

        async def only_the_test_is_left() -> bool:
            pods, _ = await full.client.list(PODS, full.namespace)
            sets, _ = await full.client.list(REPLICA_SETS, full.namespace)
            return not sets and [resources.name(pod) for pod in pods] == ["web-asks"]

        await eventually(only_the_test_is_left, seconds=15)
        assert await full.client.get_or_none(CRDS, "", crd), "it says that it wants to be kept"
    finally:
        await full.client.delete(CRDS, "", crd)
