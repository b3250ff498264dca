"""What is slow is not restarted, and what hangs outside of the bot does not keep it from ending within its grace."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.bot_config import bot_config
from btcwatcher_operator.children.stateful_set import GRACE_PERIOD_SECONDS
from btcwatcher_operator.platform import Platform

pytestmark = pytest.mark.integration
Config = dict[str, Any]


def _two_pairs(config: Config) -> None:
    config["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"latency_ms": 15_000}], ids=["away", "slower than any time-out"])
def test_an_exchange_that_is_away_or_slow_is_no_hang(make_bot: Any, exchange: Any, fault: Config) -> None:
    bot = make_bot("pulse.py", "Pulse", _two_pairs)
    bot.environment["BTCWATCHER_HANG_SECONDS"] = "40"
    bot.start_trading()
    exchange.post("/_faults", fault)
    time.sleep(45)
    assert bot.there("run/alive")
    assert bot.there("run/ready")
    assert bot.process.poll() is None
    exchange.delete("/_faults")
    assert bot.end(60) == 0


def test_a_slow_strategy_is_no_hang(make_bot: Any) -> None:
    bot = make_bot("slow.py", "Slow", _two_pairs)
    bot.environment["BTCWATCHER_HANG_SECONDS"] = "20"
    bot.start_trading()
    time.sleep(30)
    assert bot.there("run/alive")
    assert bot.process.poll() is None
    assert bot.end(60) == 0


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a receiver that takes connections and never answers."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1]
    for connection in held:
        connection.close()


def test_a_webhook_that_hangs_leaves_time_to_end_well(make_bot: Any, deaf: int) -> None:
    spec = {"strategyName": "Pulse", "exchange": {"name": "binance", "pairs": ["BTC/USDT"]}, "timeframe": "1m"}
    strategy = Strategy.model_validate({"metadata": {"name": "pulse", "namespace": "desk"}, "spec": spec})
    platform = Platform(f"http://127.0.0.1:{deaf}", b"w" * 32, b"b" * 32, "i")

    def sends(config: Config) -> None:
        _two_pairs(config)
        config["webhook"] = bot_config(strategy, platform, 8081)["webhook"]

    bot = make_bot("pulse.py", "Pulse", sends)
    # Each message holds the loop up for five seconds, those at the start too.
    bot.start("trade")
    deadline = time.monotonic() + 180
    while len(bot.trades()) < 2:
        assert time.monotonic() < deadline, bot.log("trade")
        time.sleep(0.2)
    # What the kubelet would do: SIGTERM, and SIGKILL when the grace is over.
    assert bot.end(GRACE_PERIOD_SECONDS) == 0
    assert "Could not call webhook url" in bot.log("trade")
