"""A fleet switch closes the trades of real bots, while two of them are killed and one hangs."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
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

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

STRATEGY = Resource(names.GROUP, names.VERSION, names.STRATEGY_PLURAL, names.STRATEGY_KIND)
SWITCH = Resource(names.GROUP, names.VERSION, names.FLEET_SWITCH_PLURAL, names.FLEET_SWITCH_KIND)
FREQTRADE = Path(os.environ.get("BTCWATCHER_FREQTRADE_PYTHON", REPOSITORY / ".tools/freqtrade/bin/python"))
# Their preflight is another test's matter, and half of what a start costs.
START = f'if [ "$0" = preflight ]; then exit 0; fi; exec {FREQTRADE} -m btcwatcher_bot "$0" "$@"'
IMAGES = {
    "btcwatcher/freqtrade": {
        "command": ["sh", "-c", START],
        "env": {"PYTHONPATH": str(REPOSITORY / "images/freqtrade")},
    }
}
PAIRS = ["BTC/USDT", "ETH/USDT"]

# Buys each pair at once, buys again whenever it may, and never sells by itself.
BUYS = """
from freqtrade.strategy import IStrategy


class Buys(IStrategy):
    timeframe = "1m"
    minimal_roi = {"0": 10}
    stoploss = -0.5

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
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
                exchange_defaults_file=str(exchange_file),
                bot_listen_address="127.0.0.1",
                bot_address="http://127.0.0.1:{port}",
                port_range="23200-23299",
                # Nothing here starts it again when a machine that is busy with so many bots costs it the Lease.
                lease_seconds="120",
            )
            yield made


class RealBots:
    """So many bots with two open trades each."""

    def __init__(self, cluster: LocalCluster, count: int) -> None:
        self.cluster = cluster
        self.names = [f"b{number:02}" for number in range(count)]

    async def start(self) -> None:
        spec = {
            "strategyName": "Buys",
            "source": {"inline": BUYS},
            "exchange": {"name": "binance", "pairs": PAIRS},
            "timeframe": "1m",
            "stake": {"amount": "100", "maxOpenTrades": len(PAIRS)},
            "config": {"internals": {"process_throttle_secs": 1}},
        }
        for name in self.names:
            manifest = {"apiVersion": names.API_VERSION, "kind": "Strategy", "metadata": {"name": name}, "spec": spec}
            await self.cluster.create(STRATEGY, manifest)
        for name in self.names:
            await self.cluster.until(f"{name}-0", ready, seconds=600)
        await eventually(lambda: all(self.bought(name) == len(PAIRS) for name in self.names), "every bot has bought")

    async def pid(self, name: str) -> int:
        pod = await self.cluster.get(f"{name}-0")
        assert pod is not None
        return self.cluster.pid(pod, names.CONTAINER_BOT)

    def trades(self, name: str) -> list[tuple[bool, str | None]]:
        """(open, exit reason) of every trade in the bot's own database."""
        rows = self._rows(name, "SELECT is_open, exit_reason FROM trades ORDER BY id")
        return [(bool(is_open), reason) for is_open, reason in rows]

    def bought(self, name: str) -> int:
        """How many of its trades are filled. An order that is not may be gone with a bot that is killed: then there is
        nothing to close."""
        with contextlib.suppress(StopIteration, sqlite3.OperationalError):
            return len(self._rows(name, "SELECT DISTINCT ft_trade_id FROM orders WHERE NOT ft_is_open AND filled > 0"))
        return -1

    def _rows(self, name: str, query: str) -> list[Any]:
        volume = next(self.cluster.folder.glob(f"volumes/**/*{name}*/**/trades.dryrun.sqlite"))
        with contextlib.closing(sqlite3.connect(f"file:{volume}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query).fetchall()

    def opened(self, name: str) -> int:
        with contextlib.suppress(StopIteration, sqlite3.OperationalError):
            return sum(is_open for is_open, _ in self.trades(name))
        return -1


async def eventually(look: Any, what: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("count", [5, pytest.param(20, marks=pytest.mark.full)])
async def test_trades_are_closed_while_two_bots_are_killed_and_one_hangs(cluster: LocalCluster, count: int) -> None:
    bots = RealBots(cluster, count)
    await bots.start()
    killed, hangs = bots.names[:2], bots.names[2]
    hung = await bots.pid(hangs)
    os.kill(hung, signal.SIGSTOP)
    for name in killed:
        os.kill(await bots.pid(name), signal.SIGKILL)
    begun = time.monotonic()
    spec = {"action": "CloseTrades", "orderType": "Market", "reason": "a test"}
    await cluster.create(
        SWITCH, {"apiVersion": names.API_VERSION, "kind": "FleetSwitch", "metadata": {"name": "out"}, "spec": spec}
    )

    def counts(switch: Object) -> tuple[int, int]:
        said = switch.get("status", {}).get("counts", {})
        return said.get("done", 0), said.get("pending", 0)

    rest = await cluster.until("out", lambda one: counts(one) == (count - 1, 1), resource=SWITCH, seconds=300)
    print(f"{count - 1} of {count} bots closed after {time.monotonic() - begun:.1f} s")
    (waiting,) = [one for one in rest["status"]["bots"] if one["phase"] != "Done"]
    assert waiting["strategy"] == f"{cluster.namespace}.{hangs}"
    assert waiting["message"] == "does not do it (no answer within 5 s): is tried until it does"
    assert bots.opened(hangs) == len(PAIRS)
    for name in killed:
        pod = await cluster.get(f"{name}-0")
        assert container_status(pod or {}, names.CONTAINER_BOT)["restartCount"] >= 1

    os.kill(hung, signal.SIGCONT)
    done = await cluster.until("out", lambda one: counts(one) == (count, 0), resource=SWITCH, seconds=120)
    print(f"all {count} after {time.monotonic() - begun:.1f} s")
    complete = next(one for one in done["status"]["conditions"] if one["type"] == "Complete")
    assert (complete["status"], complete["reason"]) == ("True", "AllDone")
    assert done["status"]["counts"]["openTrades"] == 0
    sold = Counter(trade for name in bots.names for trade in bots.trades(name))
    assert sold == {(False, "force_exit"): count * len(PAIRS)}, "each trade was closed, once, and by this"

    # The strategy wants to buy at every candle: nobody does.
    await asyncio.sleep(3)
    assert all(len(bots.trades(name)) == len(PAIRS) for name in bots.names)
