"""A real freqtrade whose trading loop hangs is restarted by its pod's own liveness probe, and by nothing else."""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from btcwatcher_crds import names
from btcwatcher_local.client.resources import Resource
from btcwatcher_local.exchange.defaults import exchange_defaults
from btcwatcher_local.loopback import free_port
from support import clusters
from support.kubectl import REPOSITORY, Kubectl
from support.localcluster import LocalCluster, container_status, local_cluster, ready
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

STRATEGY = Resource(names.GROUP, names.VERSION, names.STRATEGY_PLURAL, names.STRATEGY_KIND)
FREQTRADE = Path(os.environ.get("BTCWATCHER_FREQTRADE_PYTHON", REPOSITORY / ".tools/freqtrade/bin/python"))
IMAGES = {
    "btcwatcher/freqtrade": {
        "command": [str(FREQTRADE), "-m", "btcwatcher_bot"],
        "env": {"PYTHONPATH": str(REPOSITORY / "images/freqtrade")},
    }
}

# Comes round a few times and then no more; once in the life of its volume.
HANGS_ONCE = """
import time
from pathlib import Path

from freqtrade.strategy import IStrategy


class HangsOnce(IStrategy):
    timeframe = "1m"
    minimal_roi = {"0": 10}
    stoploss = -0.5
    rounds = 0

    def bot_loop_start(self, current_time, **kwargs):
        self.rounds += 1
        if self.rounds > 10 and not Path("data/hung").exists():
            Path("data/hung").touch()
            time.sleep(3600)

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


@pytest.fixture
def exchange_file(tmp_path: Path) -> Iterator[Path]:
    """The platform defaults that lead to a running paper exchange."""
    port = free_port()
    command = [sys.executable, "-m", "btcwatcher_local.exchange", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    file = tmp_path / "exchanges.yaml"
    file.write_text(yaml.safe_dump({"binance": exchange_defaults(f"http://127.0.0.1:{port}")}))
    try:
        yield file
    finally:
        process.terminate()
        process.wait(10)


@pytest_asyncio.fixture
async def cluster(exchange_file: Path, tmp_path: Path) -> AsyncIterator[LocalCluster]:
    if not FREQTRADE.exists():
        pytest.skip(f"no freqtrade environment at {FREQTRADE}")
    with clusters.embedded() as kubeconfig:
        kubectl = Kubectl(kubeconfig)
        kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        async with local_cluster(kubeconfig, tmp_path) as made, contextlib.AsyncExitStack() as stack:
            await made.start_node(images=IMAGES)
            await made.start_controllers()
            operator = Operator(kubectl, made.namespace, tmp_path)
            stack.callback(operator.kill)
            operator.start(
                hang_seconds="30",
                exchange_defaults_file=str(exchange_file),
                bot_listen_address="127.0.0.1",
                port_range="23100-23199",
            )
            yield made


async def test_a_hanging_bot_is_restarted_and_trades_again(cluster: LocalCluster) -> None:
    spec = {
        "strategyName": "HangsOnce",
        "source": {"inline": HANGS_ONCE},
        "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
        "timeframe": "1m",
        "config": {"internals": {"process_throttle_secs": 1}},
    }
    manifest = {"apiVersion": names.API_VERSION, "kind": "Strategy", "metadata": {"name": "ema"}, "spec": spec}
    await cluster.create(STRATEGY, manifest)
    first = await cluster.until("ema-0", ready, seconds=180)

    def restarted(pod: Object) -> bool:
        return bool(container_status(pod, names.CONTAINER_BOT).get("restartCount") == 1 and ready(pod))

    second = await cluster.until("ema-0", restarted, seconds=300)
    assert second["metadata"]["uid"] == first["metadata"]["uid"], "the container is, not the pod"
    ended = container_status(second, names.CONTAINER_BOT)["lastState"]["terminated"]
    assert "the trading loop has not come round for" in ended["message"]
    assert ended["exitCode"] != 0, "it was no good end"
    await cluster.until_told("ema-0", "Killing")
    strategy = await cluster.until("ema", lambda one: "Running" in str(one.get("status")), resource=STRATEGY)
    assert strategy["status"]["readyRevision"] == first["metadata"]["labels"][names.LABEL_REVISION]
