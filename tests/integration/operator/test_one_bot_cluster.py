"""Attempts to have two bots at once, with controllers and a node at work: the bots themselves say if they met."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from btcwatcher_crds import names
from btcwatcher_local.client.resources import PODS, STATEFUL_SETS, Resource
from support import clusters
from support.kubectl import REPOSITORY, Kubectl
from support.localcluster import LocalCluster, local_cluster, ready
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = pytest.mark.integration

STRATEGY = Resource(names.GROUP, names.VERSION, names.STRATEGY_PLURAL, names.STRATEGY_KIND)

# Holds a lock in the volume for as long as it lives, writes down each start, and takes three seconds to end.
BOT = """
if [ "$0" = preflight ]; then exit 0; fi
exec 9>data/test.lock
flock -n 9 || echo two >> data/two
echo start >> data/starts
trap 'i=0; while [ $i -lt 30 ]; do sleep 0.1; i=$((i+1)); done; exit 0' TERM
while :; do touch run/alive run/started run/ready; sleep 0.3; done
"""
IMAGES = {"btcwatcher/freqtrade": {"command": ["sh", "-c", BOT]}}


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with clusters.embedded() as path:
        kubectl = Kubectl(path)
        kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield path


class Scene:
    """A Strategy whose bot runs, and the operator to kill."""

    def __init__(self, cluster: LocalCluster, operator: Operator) -> None:
        self.cluster = cluster
        self.operator = operator

    async def change(self, **spec: Any) -> None:
        await self.cluster.client.patch(STRATEGY, self.cluster.namespace, "ema", {"spec": spec})

    async def runs(self, but: str = "") -> str:
        """The uid of the pod that is ready with the StatefulSet's revision, another one than `but`."""

        async def revision() -> str:
            stateful_set = await self.cluster.until("ema", bool, resource=STATEFUL_SETS, seconds=60)
            label: str = stateful_set["spec"]["template"]["metadata"]["labels"][names.LABEL_REVISION]
            return label

        while True:
            wanted = await revision()
            pod = await self.cluster.until(
                "ema-0", lambda one: ready(one) and one["metadata"]["uid"] != but, seconds=120
            )
            if pod["metadata"]["labels"][names.LABEL_REVISION] == wanted == await revision():
                uid: str = pod["metadata"]["uid"]
                return uid
            await asyncio.sleep(0.2)

    def data(self, name: str) -> str:
        """A file in the bot's volume."""
        found = [path for path in self.cluster.folder.rglob(name) if path.is_file()]
        return found[0].read_text() if found else ""

    def met(self) -> bool:
        return self.data("two") != ""


@pytest_asyncio.fixture
async def scene(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    async with local_cluster(kubeconfig, tmp_path) as cluster:
        await cluster.start_node(images=IMAGES)
        await cluster.start_controllers()
        operator = Operator(Kubectl(kubeconfig), cluster.namespace, tmp_path)
        operator.start()
        spec = {"strategyName": "Ema", "exchange": {"name": "binance", "pairs": ["BTC/USDT"]}, "timeframe": "5m"}
        manifest = {"apiVersion": names.API_VERSION, "kind": "Strategy", "metadata": {"name": "ema"}, "spec": spec}
        await cluster.create(STRATEGY, manifest)
        await cluster.until("ema", lambda one: bool(one.get("status", {}).get("port")), resource=STRATEGY, seconds=60)
        yield Scene(cluster, operator)
        operator.kill()


async def test_the_spec_changes_while_the_bot_starts(scene: Scene) -> None:
    for timeframe in ("15m", "30m", "1h"):
        await scene.change(timeframe=timeframe)
        await asyncio.sleep(0.4)
    await scene.runs()
    assert "start" in scene.data("starts")
    assert not scene.met()


async def test_a_pod_that_does_not_end_is_waited_for(scene: Scene) -> None:
    """Deleted, and while it is still ending suspended, resumed and changed."""
    first = await scene.runs()
    await scene.cluster.client.delete(PODS, scene.cluster.namespace, "ema-0")
    await scene.change(state="Suspended")
    await asyncio.sleep(0.5)
    await scene.change(state="Running", timeframe="15m")
    await scene.runs(but=first)
    assert len(scene.data("starts").splitlines()) >= 2
    assert not scene.met()


async def test_the_operator_is_killed_in_the_middle_of_a_roll_out(scene: Scene) -> None:
    first = await scene.runs()
    await scene.change(timeframe="15m")
    await scene.cluster.until("ema-0", lambda pod: bool(pod["metadata"].get("deletionTimestamp")), seconds=120)
    scene.operator.kill()
    await scene.change(timeframe="1h")
    scene.operator.start()
    second = await scene.runs(but=first)
    pods = [pod for pod in (await scene.cluster.client.list(PODS, scene.cluster.namespace))[0]
            if pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == names.COMPONENT_BOT]  # fmt: skip
    assert [pod["metadata"]["uid"] for pod in pods] in ([second], [])
    assert not scene.met()
