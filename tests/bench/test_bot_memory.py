"""Memory of one bot as we start it against the same bot started plainly, and what each /reload_config adds.

Both trade the same pairs on the paper exchange with the same config. PSS of a process that shares its libraries with no
other is what it costs alone on a node. Where other bots run on this machine it says less than RSS, which is printed.
"""

import base64
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.freqtrade_bots import (
    FREQTRADE,
    STRATEGIES,
    Bot,
    Config,
    PaperExchange,
    lay_out,
    running_exchange,
    wait_for,
)

SECONDS = float(os.environ.get("BTCWATCHER_BENCH_SECONDS", "120"))
"""How long each trades before it is measured."""
RELOADS = int(os.environ.get("BTCWATCHER_BENCH_RELOADS", "50"))
GOAL = 0.55
GROWTH_MB = 10.0
"""What 50 reloads may add: the size of what is in use moves by some megabytes from one look to the next."""
_READY_SECONDS = 180.0
_CANDLES = "pair_candles?pair=BTC/USDT&timeframe=1m&limit=100"
Started = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of one process, as the kernel counts them."""

    rss: float
    pss: float
    anonymous: float

    @classmethod
    def of(cls, pid: int) -> "Memory":
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()

        def read(name: str) -> float:
            found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
            assert found is not None, text
            return int(found.group(1)) / 1024

        return cls(read("Rss"), read("Pss"), read("Anonymous"))

    def __str__(self) -> str:
        return f"PSS {self.pss:.0f}, RSS {self.rss:.0f}, anonymous {self.anonymous:.0f} MB"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one way to start a bot came to."""

    start_cpu_seconds: float
    trading: Memory
    reloaded: list[Memory]


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    if not FREQTRADE.exists():
        pytest.skip(f"no freqtrade environment at {FREQTRADE}")
    with running_exchange() as exchange:
        yield exchange


def two_pairs(config: Config) -> None:
    config["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT"]


def start_plainly(bot: Bot) -> Started:
    """`freqtrade trade` with the same files, in the environment that a shell would give it."""
    command = [str(FREQTRADE), "-m", "freqtrade", "trade", "--userdir", "data", "--strategy-path", "revision"]
    command += ["--config", "revision/config.json", "--config", "access/api-server.json"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(bot.folder)}
    with (bot.folder / "trade.log").open("ab") as log:
        bot.process = subprocess.Popen(command, cwd=bot.folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    return bot.process


def start_as_we_do(bot: Bot) -> Started:
    return bot.start("trade")


def measure(bot: Bot, process: Started) -> Measured:
    try:
        wait_for("the first round", lambda: _heartbeats(bot) or process.poll() is not None, _READY_SECONDS)
        assert process.poll() is None, bot.log("trade")
        started = _cpu_seconds(process.pid)
        time.sleep(SECONDS)
        assert bot.trades(), "it trades"
        _look_at_all(bot)
        trading = Memory.of(process.pid)
        reloaded = []
        for _ in range(RELOADS):
            _reload(bot)
            reloaded.append(Memory.of(process.pid))
        return Measured(started, trading, reloaded)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _reload(bot: Bot) -> None:
    before = _heartbeats(bot)
    _request(bot, "POST", "reload_config")
    wait_for("a round after the reload", lambda: _heartbeats(bot) > before + 1, _READY_SECONDS)


def started_and_measured(exchange: PaperExchange, folder: Path, start: Callable[[Bot], Started]) -> Measured:
    """One way to start it. The first start compiles what is not compiled yet, so the second is the one measured."""
    first, second = (
        lay_out(folder / name, exchange, STRATEGIES / "pulse.py", "Pulse", two_pairs) for name in ("first", "second")
    )
    process = start(first)
    wait_for("the first round", lambda: _heartbeats(first), _READY_SECONDS)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    return measure(second, start(second))


def test_memory_of_a_bot(exchange: PaperExchange, tmp_path: Path) -> None:
    plain = started_and_measured(exchange, tmp_path / "plain", start_plainly)
    ours = started_and_measured(exchange, tmp_path / "ours", start_as_we_do)
    found = {"plainly": plain, "as we do": ours}
    print(f"\nafter {SECONDS:.0f} s of trading two pairs:")
    for name, measured in found.items():
        print(f"  started {name:9} {measured.trading}; {measured.start_cpu_seconds:.1f} CPU s until the first round")
        steps = {n: measured.reloaded[n - 1] for n in (1, 5, 10, 25, RELOADS) if n <= len(measured.reloaded)}
        print("   ", "; ".join(f"{n} reloads: RSS {memory.rss:.0f}" for n, memory in steps.items()))
    ratio = ours.trading.pss / plain.trading.pss
    rss, anonymous = ours.trading.rss / plain.trading.rss, ours.trading.anonymous / plain.trading.anonymous
    print(f"  PSS ratio {ratio:.3f} (goal {GOAL}), RSS {rss:.3f}, anonymous {anonymous:.3f}")
    growth = {name: _growth(measured) for name, measured in found.items()}
    print(f"  RSS growth over {RELOADS} reloads, without the first five: {growth} MB")
    assert ratio <= GOAL
    assert growth["as we do"] < GROWTH_MB


def _growth(measured: Measured) -> float:
    settled = [memory.rss for memory in measured.reloaded[4:]]
    return round(settled[-1] - settled[0], 1) if settled else 0.0


def _heartbeats(bot: Bot) -> int:
    return bot.log("trade").count("Bot heartbeat") if bot.there("trade.log") else 0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _look_at_all(bot: Bot) -> None:
    """What a collector and a person with FreqUI ask for."""
    for path in ("health", "status", "trades", "profit", "balance", "show_config", "logs", _CANDLES):
        _request(bot, "GET", path)


def _request(bot: Bot, method: str, path: str) -> object:
    """Its answer. A reload takes the API away for a moment."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            return _answer(bot, method, path)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _answer(bot: Bot, method: str, path: str) -> object:
    request = urllib.request.Request(f"http://127.0.0.1:{bot.port}/api/v1/{path}", method=method)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"tester:" + b"p" * 20).decode())
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        return json.load(answer)
