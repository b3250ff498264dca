"""A bot's log by REST: a Strategy's pod on the embedded cluster's node."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from btcwatcher_crds.names import CONTAINER_BOT
from btcwatcher_local.client.resources import PODS
from support.desk import STRATEGIES, Desk
from support.listening import listening
from support.localcluster import LocalCluster, eventually, local_cluster, running

pytestmark = pytest.mark.integration

LOGS = f"{STRATEGIES}/trading.ema-cross/logs"


@pytest.fixture
async def cluster(desk: Desk, tmp_path: Path) -> AsyncIterator[LocalCluster]:
    """A node, beside a Strategy that has no pod yet."""
    await desk.create()
    async with local_cluster(tmp_path / "kubeconfig", tmp_path) as made:
        await made.start_node()
        made.namespace, own = "trading", made.namespace
        yield made
        await made.client.delete(PODS, "trading", "ema-cross-0")
        await made.gone("ema-cross-0")
        made.namespace = own


async def bot(cluster: LocalCluster, script: str) -> None:
    pod = cluster.pod("ema-cross-0", script)
    pod["spec"]["containers"][0]["name"] = CONTAINER_BOT
    await cluster.create(PODS, pod)
    await cluster.until("ema-cross-0", running)


@contextlib.asynccontextmanager
async def by_network(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client that reads answers as they come, which one within the process does not."""
    headers = {"Authorization": f"Bearer {desk.token}"}
    async with (
        listening(desk.served.app) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
    ):
        yield client


async def test_lines_tail_and_times(desk: Desk, cluster: LocalCluster) -> None:
    await bot(cluster, "for i in 1 2 3 4; do echo line $i; done; while :; do sleep 0.1; done")

    async def said() -> bool:
        return "line 4" in (await desk.ask("GET", LOGS)).text

    await eventually(said)
    answer = await desk.ask("GET", LOGS)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "line 1\nline 2\nline 3\nline 4\n"
    assert (await desk.ask("GET", LOGS, params={"tail": 1})).text == "line 4\n"
    stamped = (await desk.ask("GET", LOGS, params={"tail": 1, "timestamps": True})).text
    assert stamped.endswith("Z line 4\n")
    assert (await desk.ask("GET", LOGS, params={"tail": -1})).status_code == 422
    assert (await desk.ask("GET", LOGS, params={"container": "other"})).status_code == 422
    missing = await desk.ask("GET", LOGS, params={"container": "preflight"})
    assert (missing.status_code, "no such log yet" in missing.json()["detail"]) == (409, True)


async def test_follow_streams_and_a_reader_that_leaves_is_noticed(desk: Desk, cluster: LocalCluster) -> None:
    await bot(cluster, "echo first; while [ ! -e go ]; do sleep 0.1; done; echo second; while :; do sleep 0.1; done")
    assert desk.served.app is not None
    pod_logs = desk.served.app.state.pod_logs
    async with by_network(desk) as client:
        async with client.stream("GET", LOGS, params={"follow": True}) as answer:
            assert answer.status_code == 200
            lines = answer.aiter_lines()
            assert await anext(lines) == "first"
            pod = await cluster.get("ema-cross-0")
            assert pod is not None
            (cluster.rootfs(pod, CONTAINER_BOT) / "bot" / "go").touch()
            assert await anext(lines) == "second"
            assert pod_logs._followers == 1
        # Nothing more is said, and yet its connection to Kubernetes is given back.
        await eventually(lambda: not pod_logs._followers, 30)


async def test_without_a_pod_it_is_said_why(desk: Desk) -> None:
    await desk.create()
    answer = await desk.ask("GET", LOGS)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "no pod of ema-cross now" in answer.json()["detail"]
    unknown = await desk.ask("GET", f"{STRATEGIES}/trading.unknown/logs")
    assert (unknown.status_code, "strategies" in unknown.json()["detail"]) == (404, True)
