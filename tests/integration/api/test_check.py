"""`btcwatcher-api check` against the API as a process and a Lease in a cluster: what `helm test` runs."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from btcwatcher_local.loopback import free_port
from support import api

if TYPE_CHECKING:
    from pathlib import Path

    from support.api_cluster import Cluster

pytestmark = pytest.mark.integration


async def check(kubeconfig: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "btcwatcher_api.main", "check", *arguments,
        env={"PATH": os.defpath, "KUBECONFIG": str(kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_an_installation_that_works(cluster: Cluster, postgres_url: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    await cluster.define()
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "btcwatcher-operator", "namespace": "desk"},
        "spec": {
            "holderIdentity": "pod-1",
            "leaseDurationSeconds": 600,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
    leases = "/apis/coordination.k8s.io/v1/namespaces/desk/leases"
    assert (await cluster.http.post(leases, json=lease)).status_code == 201
    async with api.process(postgres_url, tmp_path, kubeconfig, free_port()) as served:
        await served.ready()
        url = str(served.http.base_url)
        status, said = await check(kubeconfig, f"--api={url}", "--lease=desk/btcwatcher-operator")
        assert status == 0, said
        assert said.count("ok ") == 4
        assert "held by pod-1" in said
        assert await served.stop() == 0
    old = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    await cluster.http.patch(
        f"{leases}/btcwatcher-operator",
        json={"spec": {"renewTime": old}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    status, said = await check(kubeconfig, f"--api={url}", "--lease=desk/btcwatcher-operator")
    assert status == 1
    assert said.count("FAILED ") == 4, said
    assert "renewed it 36" in said


async def test_a_lease_that_is_not_there(cluster: Cluster, tmp_path: Path) -> None:
    status, said = await check(tmp_path / "kubeconfig", "--lease=desk/btcwatcher-operator")
    assert (status, "404" in said) == (1, True), said
