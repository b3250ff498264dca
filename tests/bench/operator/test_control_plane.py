"""999 Strategies in a cluster whose API server, controllers and scheduler are Kubernetes' own, on simulated nodes: how
long until all are Ready, what a restart of the operator writes, its memory, and one change among many."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_crds import names
from support import clusters, realcontrollers, realscheduler, simulated_nodes
from support.bulk import Bulk
from support.kubectl import Kubectl
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(realcontrollers.binary() is None, reason=realcontrollers.MISSING),
    pytest.mark.skipif(realscheduler.binary() is None, reason=realscheduler.MISSING),
]

COUNT = int(os.environ.get("BTCWATCHER_BENCH_STRATEGIES", "999"))
NAMESPACE = "fleet"


@pytest.fixture
def kubeconfig() -> Iterator[Path]:
    with clusters.control_plane() as path:
        Kubectl(path)("create", "namespace", NAMESPACE)
        yield path


async def listed(bulk: Bulk) -> list[Object]:
    return await bulk.list("Strategy", NAMESPACE)


def reasons(strategies: list[Object]) -> Counter[str]:
    return Counter(
        next((one["reason"] for one in item.get("status", {}).get("conditions", []) if one["type"] == "Ready"), "none")
        for item in strategies
    )


async def all_run(bulk: Bulk, seconds: float) -> float:
    """Seconds until every Strategy is Ready."""
    begun = time.monotonic()
    while (seen := reasons(await listed(bulk)))["Running"] < COUNT:
        assert time.monotonic() - begun < seconds, seen
        await asyncio.sleep(2)
    return time.monotonic() - begun


async def quiet(bulk: Bulk) -> dict[str, str]:
    """The versions of all Strategies once none has changed for five seconds."""
    before: dict[str, str] = {}
    while True:
        now = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in await listed(bulk)}
        if now == before:
            return now
        before = now
        await asyncio.sleep(5)


async def test_a_fleet_in_a_whole_control_plane(kubeconfig: Path, tmp_path: Path) -> None:
    operator = Operator(Kubectl(kubeconfig), "", tmp_path)
    ports = {"port_range": "20000-20999"}
    nodes = COUNT // (simulated_nodes.PODS_A_NODE - 10) + 2
    async with Bulk(kubeconfig) as bulk, simulated_nodes.running(bulk, nodes):
        try:
            operator.start(**ports)
            await bulk.create(_strategy(number) for number in range(COUNT))
            seconds = await all_run(bulk, 1500)
            print(f"\n{COUNT} Ready after {seconds:.0f} s; the operator has {operator.resident_mib:.0f} MiB")

            before = await quiet(bulk)
            operator.kill()
            operator.start(**ports)
            await asyncio.sleep(30)
            after = await quiet(bulk)
            written = sum(after[name] != version for name, version in before.items())
            print(f"a restart has changed {written} Strategies; it has {operator.resident_mib:.0f} MiB")
            assert written == 0

            name = f"bot-{COUNT // 2:04}"
            begun = time.monotonic()
            await bulk.patch("Strategy", NAMESPACE, name, {"spec": {"state": "Suspended"}})
            while reasons([await bulk.get("Strategy", NAMESPACE, name)])["Suspended"] == 0:
                assert time.monotonic() - begun < 60
                await asyncio.sleep(0.1)
            print(f"one of them is suspended after {time.monotonic() - begun:.1f} s")
        finally:
            operator.kill()


def _strategy(number: int) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.STRATEGY_KIND,
        "metadata": {"name": f"bot-{number:04}", "namespace": NAMESPACE},
        "spec": {
            "strategyName": "Bench",
            "source": {"inline": "class Bench: pass\n"},
            "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
            "timeframe": "5m",
        },
    }
