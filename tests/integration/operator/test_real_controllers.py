"""The operator in a cluster whose API server, controllers and scheduler are Kubernetes' own. The node is simulated: its
kubelet is the local one, and its bots do nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from btcwatcher_crds import names
from btcwatcher_local.client.resources import PODS, PVCS, SECRETS, SERVICES, STATEFUL_SETS, Resource
from support import clusters, realcontrollers, realscheduler
from support.kubectl import Kubectl
from support.localcluster import LocalCluster, local_cluster, ready
from support.operator_process import Operator
from support.standin_bots import PREFLIGHT

Object = dict[str, Any]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.full,
    pytest.mark.skipif(realcontrollers.binary() is None, reason=realcontrollers.MISSING),
    pytest.mark.skipif(realscheduler.binary() is None, reason=realscheduler.MISSING),
]

STRATEGY = Resource(names.GROUP, names.VERSION, names.STRATEGY_PLURAL, names.STRATEGY_KIND)
# Ends a second after it is told to.
BOT = f"""
{PREFLIGHT}
trap 'sleep 1; exit 0' TERM
while :; do touch run/alive run/started run/ready; sleep 0.3; done
"""
IMAGES = {"btcwatcher/freqtrade": {"command": ["sh", "-c", BOT]}}


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with clusters.control_plane() as path:
        yield path


class Scene:
    def __init__(self, cluster: LocalCluster, operator: Operator) -> None:
        self.cluster = cluster
        self.operator = operator

    async def declare(self, name: str, **spec: Any) -> None:
        spec = {
            "strategyName": "Ema",
            "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
            "timeframe": "5m",
            **spec,
        }
        manifest = {"apiVersion": names.API_VERSION, "kind": "Strategy", "metadata": {"name": name}, "spec": spec}
        await self.cluster.create(STRATEGY, manifest)

    async def change(self, name: str, **spec: Any) -> None:
        await self.cluster.client.patch(STRATEGY, self.cluster.namespace, name, {"spec": spec})

    async def says(self, name: str, reason: str, kind: str = "Ready") -> Object:
        def told(one: Object) -> bool:
            conditions = one.get("status", {}).get("conditions", [])
            return any(condition["type"] == kind and condition["reason"] == reason for condition in conditions)

        return await self.cluster.until(name, told, resource=STRATEGY, seconds=90)

    async def pod(self, name: str, but: str = "") -> Object:
        return await self.cluster.until(
            f"{name}-0", lambda one: ready(one) and one["metadata"]["uid"] != but, seconds=90
        )


@pytest_asyncio.fixture
async def scene(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    async with local_cluster(kubeconfig, tmp_path) as cluster:
        await cluster.start_node(images=IMAGES)
        operator = Operator(Kubectl(kubeconfig), cluster.namespace, tmp_path)
        operator.start()
        try:
            yield Scene(cluster, operator)
        finally:
            operator.kill()


async def test_a_strategy_lives_and_leaves_nothing_behind(scene: Scene) -> None:
    for name in ("ema", "rsi", "macd"):
        await scene.declare(name)
    for name in ("ema", "rsi", "macd"):
        await scene.says(name, "Running")
    first = await scene.pod("ema")
    strategy = await scene.says("ema", "Running")
    port = strategy["status"]["port"]

    # Lost, by whatever hand.
    await scene.cluster.client.delete(PODS, scene.cluster.namespace, "ema-0")
    second = await scene.pod("ema", but=first["metadata"]["uid"])
    assert (await scene.says("ema", "Running"))["status"]["port"] == port

    await scene.change("ema", state="Suspended")
    await scene.says("ema", "Suspended")
    await scene.cluster.gone("ema-0", seconds=60)
    await scene.change("ema", state="Running")
    third = await scene.pod("ema", but=second["metadata"]["uid"])

    # A spec that its preflight refuses leaves the bot as it is; one that passes rolls it.
    await scene.change("ema", timeframe="7m")
    await scene.says("ema", "TimeframeUnsupported", "ConfigValid")
    assert (await scene.pod("ema"))["metadata"]["uid"] == third["metadata"]["uid"]
    await scene.change("ema", timeframe="15m")
    fourth = await scene.pod("ema", but=third["metadata"]["uid"])
    assert fourth["metadata"]["labels"][names.LABEL_REVISION] != third["metadata"]["labels"][names.LABEL_REVISION]
    await scene.says("ema", "Running")

    for name in ("ema", "rsi", "macd"):
        await scene.cluster.client.delete(STRATEGY, scene.cluster.namespace, name)
    for name in ("ema", "rsi", "macd"):
        await scene.cluster.gone(name, resource=STRATEGY, seconds=60)
        await scene.cluster.gone(f"{name}-0", seconds=60)
        for kind in (STATEFUL_SETS, SERVICES):
            await scene.cluster.gone(name, resource=kind, seconds=60)
        await scene.cluster.gone(names.access_secret(name), resource=SECRETS, seconds=60)


async def test_children_that_are_deleted_come_back(scene: Scene) -> None:
    await scene.declare("ema")
    await scene.says("ema", "Running")
    uid = (await scene.pod("ema"))["metadata"]["uid"]
    for kind, name in ((SERVICES, "ema"), (SECRETS, names.access_secret("ema"))):
        before = await scene.cluster.get(name, kind)
        assert before is not None
        await scene.cluster.client.delete(kind, scene.cluster.namespace, name)
        await scene.cluster.until(
            name,
            lambda one, old=before: one["metadata"]["uid"] != old["metadata"]["uid"],  # type: ignore[misc]
            resource=kind,
            seconds=60,
        )
    assert (await scene.pod("ema"))["metadata"]["uid"] == uid, "without disturbing the bot"
    await scene.cluster.client.delete(STATEFUL_SETS, scene.cluster.namespace, "ema")
    again = await scene.pod("ema", but=uid)
    assert again["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
    await asyncio.sleep(1)
    claims, _ = await scene.cluster.client.list(PVCS, scene.cluster.namespace)
    assert [one["status"]["phase"] for one in claims] == ["Bound"]
