"""The same with everything at work: StatefulSet and Job controllers, and a node that runs a stand-in for the bot."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from btcwatcher_crds import names
from btcwatcher_local.client.resources import JOBS, PODS, SECRETS, STATEFUL_SETS, Resource
from support import clusters
from support.kubectl import REPOSITORY, Kubectl
from support.localcluster import LocalCluster, local_cluster, ready
from support.operator_process import Operator
from support.standin_bots import PREFLIGHT

Object = dict[str, Any]

pytestmark = pytest.mark.integration

STRATEGY = Resource(names.GROUP, names.VERSION, names.STRATEGY_PLURAL, names.STRATEGY_KIND)

# Has the health files that the probes look for. The class GivesUp stops trading after a while.
BOT = f"""
{PREFLIGHT}
if grep -q '"strategy":"GivesUp"' revision/config.json; then
  touch run/alive run/started run/ready
  sleep 6
  rm run/ready
  echo 'BotStopped: StrategyRaises: the account is locked' > run/stopped
  while :; do touch run/alive run/started; sleep 1; done
fi
while :; do touch run/alive run/started run/ready; sleep 1; done
"""
IMAGES = {"btcwatcher/freqtrade": {"command": ["sh", "-c", BOT]}}


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with clusters.embedded() as path:
        kubectl = Kubectl(path)
        kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield path


@pytest_asyncio.fixture
async def cluster(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[LocalCluster]:
    async with local_cluster(kubeconfig, tmp_path) as made:
        await made.start_node(images=IMAGES)
        await made.start_controllers()
        operator = Operator(Kubectl(kubeconfig), made.namespace, tmp_path)
        operator.start()
        yield made
        operator.kill()


def says(kind: str, status: str, reason: str) -> Any:
    def check(strategy: Object) -> bool:
        conditions = strategy.get("status", {}).get("conditions", [])
        return any((one["type"], one["status"], one["reason"]) == (kind, status, reason) for one in conditions)

    return check


async def test_a_running_bot_and_two_changes(cluster: LocalCluster) -> None:
    spec = {"strategyName": "Ema", "exchange": {"name": "binance", "pairs": ["BTC/USDT"]}, "timeframe": "5m"}
    manifest = {"apiVersion": names.API_VERSION, "kind": "Strategy", "metadata": {"name": "ema"}, "spec": spec}
    await cluster.create(STRATEGY, manifest)
    await cluster.until("ema", says("Ready", "True", "Running"), resource=STRATEGY, seconds=90)
    first = await cluster.until("ema-0", ready)

    await cluster.client.patch(STRATEGY, cluster.namespace, "ema", {"spec": {"timeframe": "7m"}})
    refused = says("ConfigValid", "False", "TimeframeUnsupported")
    told = await cluster.until("ema", refused, resource=STRATEGY, seconds=90)
    assert says("Ready", "True", "Running")(told)
    now = await cluster.get("ema-0")
    assert now is not None
    assert now["metadata"]["uid"] == first["metadata"]["uid"], "the running bot is left alone"
    (job,) = (await cluster.client.list(JOBS, cluster.namespace))[0]

    await cluster.client.patch(STRATEGY, cluster.namespace, "ema", {"spec": {"timeframe": "15m"}})

    def replaced(pod: Object) -> bool:
        return bool(pod["metadata"]["uid"] != first["metadata"]["uid"] and ready(pod))

    second = await cluster.until("ema-0", replaced, seconds=120)
    stateful_set = await cluster.get("ema", STATEFUL_SETS)
    assert stateful_set is not None
    running = stateful_set["spec"]["template"]["metadata"]["labels"][names.LABEL_REVISION]
    assert second["metadata"]["labels"][names.LABEL_REVISION] == running
    await cluster.until("ema", says("ConfigValid", "True", "Valid"), resource=STRATEGY, seconds=90)
    await cluster.gone(job["metadata"]["name"], resource=JOBS, seconds=60)
    await cluster.gone(job["metadata"]["name"], resource=SECRETS, seconds=60)
    pods, _ = await cluster.client.list(PODS, cluster.namespace)
    tried = [pod for pod in pods if "job-name" in pod["metadata"]["labels"]]
    assert {pod["metadata"]["labels"][names.LABEL_REVISION] for pod in tried} == {running}


async def test_a_bot_that_stopped_trading_is_told_and_left_alone(cluster: LocalCluster) -> None:
    spec = {"strategyName": "GivesUp", "exchange": {"name": "binance", "pairs": ["BTC/USDT"]}, "timeframe": "5m"}
    manifest = {"apiVersion": names.API_VERSION, "kind": "Strategy", "metadata": {"name": "ema"}, "spec": spec}
    await cluster.create(STRATEGY, manifest)
    stopped = await cluster.until("ema", says("Ready", "False", "BotStopped"), resource=STRATEGY, seconds=120)
    message = next(one["message"] for one in stopped["status"]["conditions"] if one["type"] == "Ready")
    assert message.endswith("why: StrategyRaises: the account is locked")
    assert "kubectl -n" in message
    assert says("Stalled", "True", "WaitsForUser")(stopped)
    # Longer than the liveness probe would need.
    await asyncio.sleep(35)
    pod = await cluster.get("ema-0")
    assert pod is not None
    assert [one["restartCount"] for one in pod["status"]["containerStatuses"]] == [0]
    assert says("Ready", "False", "BotStopped")(await cluster.get("ema", STRATEGY) or {})
