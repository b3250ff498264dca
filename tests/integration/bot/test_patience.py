"""What is slow is not restarted, and what hangs outside of the bot does not keep it from ending within its grace."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.bot_config import bot_config
from btcwatcher_operator.children.stateful_set import GRACE_PERIOD_SECONDS
from btcwatcher_operator.platform import Platform
from support.freqtrade_bots import STRATEGIES, Bot, PaperExchange, lay_out, running_exchange

pytestmark = pytest.mark.integration
Config = dict[str, Any]


def _two_pairs(config: Config) -> None:
    config["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT"]


@dataclass
class Patient:
    """A bot that trades slowly, and what makes it slow."""

    bot: Bot
    exchange: PaperExchange


FAULTS: Final[dict[str, Config]] = {"away": {"status": 503}, "slower than any time-out": {"latency_ms": 15_000}}
SLOW: Final = "a strategy that takes its time"


@pytest.fixture(scope="module")
def waited_for(
    freqtrade_python: Path, paper_exchange: PaperExchange, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Patient]]:
    """All of them, side by side, after having been slow for longer than what hangs is given."""
    folder = tmp_path_factory.mktemp("patience")
    with contextlib.ExitStack() as stack:
        patients = {SLOW: _start(stack, folder / "slow", paper_exchange, "Slow", hang_seconds=20)}
        for number, name in enumerate(FAULTS):
            exchange = stack.enter_context(running_exchange())
            patients[name] = _start(stack, folder / f"bot{number}", exchange, "Pulse", hang_seconds=40)
        for patient in patients.values():
            patient.bot.wait_ready()
        for name, fault in FAULTS.items():
            patients[name].exchange.post("/_faults", fault)
        time.sleep(45)
        yield patients


def _start(
    stack: contextlib.ExitStack, folder: Path, exchange: PaperExchange, strategy: str, *, hang_seconds: int
) -> Patient:
    bot = lay_out(folder, exchange, STRATEGIES / f"{strategy.lower()}.py", strategy, _two_pairs)
    bot.environment["BTCWATCHER_HANG_SECONDS"] = str(hang_seconds)
    bot.start("trade")
    stack.callback(bot.kill)
    return Patient(bot, exchange)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_exchange_that_is_away_or_slow_is_no_hang(waited_for: dict[str, Patient], fault: str) -> None:
    bot, exchange = waited_for[fault].bot, waited_for[fault].exchange
    assert bot.there("run/alive")
    assert bot.there("run/ready")
    assert bot.process is not None
    assert bot.process.poll() is None
    exchange.delete("/_faults")
    assert bot.end(60) == 0


def test_a_slow_strategy_is_no_hang(waited_for: dict[str, Patient]) -> None:
    bot = waited_for[SLOW].bot
    assert bot.there("run/alive")
    assert bot.process is not None
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
