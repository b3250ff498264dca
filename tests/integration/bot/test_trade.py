"""A real freqtrade under the wrapper: health files, ends, restarts, and what it says when it fails."""

import base64
import json
import shutil
import signal
import socket
import stat
import time
import urllib.request
from typing import Any

import pytest

pytestmark = pytest.mark.integration
Config = dict[str, Any]


def _two_pairs(config: Config) -> None:
    config["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT"]


def _wait(what: str, condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def test_trades_and_ends_well_on_sigterm(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Pulse", _two_pairs)
    credentials = bot.folder / "credentials"
    credentials.mkdir()
    (credentials / "key").write_text("the-exchange-key\n")
    (credentials / "secret").write_text("1e5")

    bot.start_trading()
    _wait("an entry", bot.trades)
    assert bot.there("run/alive")
    rendered = bot.folder / "run/credentials.json"
    assert stat.S_IMODE(rendered.stat().st_mode) == 0o600
    assert json.loads(rendered.read_text())["exchange"] == {"key": "the-exchange-key", "secret": "1e5"}

    assert bot.end() == 0, bot.log("trade")
    assert not bot.there("run/ready")
    assert bot.termination is None
    assert "the-exchange-key" not in bot.log("trade")
    outside = {path.relative_to(bot.folder).parts[0] for path in bot.folder.rglob("*") if path.is_file()}
    assert outside == {"revision", "access", "credentials", "data", "run", "trade.log"}
    assert sorted(path.name for path in (bot.folder / "revision").iterdir()) == ["config.json", "strategy.py"]


def test_killed_bot_adopts_its_trades(make_bot: Any) -> None:
    def hold(config: Config) -> None:
        _two_pairs(config)
        config["minimal_roi"] = {"0": 10}

    bot = make_bot("pulse.py", "Pulse", hold)
    bot.start_trading()
    _wait("two entries", lambda: len(bot.trades()) == 2)
    before = bot.trades()

    bot.process.kill()
    bot.process.wait(10)
    assert bot.there("run/ready"), "what a killed bot leaves behind"
    bot.start("trade")
    _wait("the old readiness is taken back", lambda: not bot.there("run/ready"), 10)
    _wait("ready again", lambda: bot.there("run/ready"))
    time.sleep(3)

    assert bot.trades() == before
    assert bot.end() == 0


def test_hang_takes_the_liveness_file_away(make_bot: Any) -> None:
    bot = make_bot("hangs.py", "Hangs", _two_pairs)
    bot.environment["BTCWATCHER_HANG_SECONDS"] = "5"

    bot.start_trading()
    assert bot.there("run/alive")
    _wait("the loop is seen to hang", lambda: not bot.there("run/alive"), 30)
    assert bot.termination["reason"] == "BotExited"
    assert "has not come round" in bot.termination["message"]

    assert bot.end() == 1
    assert "has not come round" in bot.termination["message"]


def test_stopped_bot_is_alive_and_started_and_says_so(make_bot: Any) -> None:
    def stopped(config: Config) -> None:
        config["initial_state"] = "stopped"
        config["internals"]["heartbeat_interval"] = 0

    bot = make_bot("pulse.py", "Pulse", stopped)
    bot.environment["BTCWATCHER_HANG_SECONDS"] = "5"

    bot.start("trade")
    _wait("it has started", lambda: bot.there("run/started"))
    time.sleep(8)

    assert bot.there("run/alive")
    assert not bot.there("run/ready")
    assert "it was told to" in (bot.folder / "run/stopped").read_text()
    assert bot.trades() == []
    assert bot.end() == 0


def test_bot_that_gives_up_is_left_alone_and_can_be_started_again(make_bot: Any) -> None:
    bot = make_bot("gives_up.py", "GivesUp", _two_pairs)
    bot.environment["BTCWATCHER_HANG_SECONDS"] = "5"

    bot.start_trading()
    _wait("it has stopped trading", lambda: bot.there("run/stopped"))
    said = (bot.folder / "run/stopped").read_text()
    assert said.startswith("BotStopped: StrategyRaises: OperationalException: the account is locked")
    assert "hunter22" not in said
    assert not bot.there("run/ready")
    time.sleep(6)
    assert bot.there("run/alive"), "longer than a hang"
    assert bot.process.poll() is None

    login = base64.b64encode(f"tester:{'p' * 20}".encode()).decode()
    request = urllib.request.Request(f"http://127.0.0.1:{bot.port}/api/v1/start", method="POST")
    request.add_header("Authorization", f"Basic {login}")
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - loopback
    _wait("it trades again", lambda: bot.there("run/ready"))
    assert not bot.there("run/stopped")
    assert bot.end() == 0


def test_sigterm_while_it_imports_ends_it(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Pulse")

    process = bot.start("trade")
    _wait("the wrapper runs", lambda: bot.there("run/alive"), 10)
    process.send_signal(signal.SIGTERM)

    assert process.wait(5) in (0, 128 + signal.SIGTERM)


def test_taken_port_is_said(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Pulse")
    with socket.create_server(("127.0.0.1", bot.port)):
        assert bot.run("trade") == 1

    assert bot.termination["reason"] == "PortInUse"
    assert str(bot.port) in bot.termination["message"]


def test_a_second_bot_on_the_same_database_does_not_start(make_bot: Any) -> None:
    """As after a pod was deleted by force while its node was only unreachable."""
    first = make_bot("pulse.py", "Pulse", _two_pairs)
    first.start_trading()
    _wait("an entry", lambda: len(first.trades()) >= 1)
    second = make_bot("pulse.py", "Pulse", _two_pairs)
    if (second.folder / "data").exists():
        shutil.rmtree(second.folder / "data")
    (second.folder / "data").symlink_to(first.folder / "data")

    assert second.run("trade") == 1
    assert second.termination["reason"] == "DatabaseInUse"
    assert f"process {first.process.pid}" in second.termination["message"]
    assert first.process.poll() is None

    first.process.kill()
    first.process.wait(10)
    second.start_trading()
    assert second.end() == 0


def test_live_without_credentials_is_refused(make_bot: Any) -> None:
    def live(config: Config) -> None:
        config["dry_run"] = False
        config["db_url"] = "sqlite:///data/trades.live.sqlite"

    bot = make_bot("pulse.py", "Pulse", live)

    assert bot.run("trade") == 1
    assert bot.termination["reason"] == "CredentialsMissing"


def _stake_currency(config: Config) -> None:
    config["stake_currency"] = "EURX"


def _database(config: Config) -> None:
    config["db_url"] = "sqlite:///nowhere/trades.sqlite"


@pytest.mark.parametrize(
    ("source", "strategy", "change", "reason", "words"),
    [
        ("pulse.py", "Pulse", _stake_currency, "StakeCurrencyUnsupported", "EURX is not available as stake"),
        ("pulse.py", "Pulse", _database, "DatabaseError", "unable to open database file"),
        ("pulse.py", "Puls", None, "StrategyNotFound", "Impossible to load Strategy 'Puls'"),
        ("does_not_import.py", "DoesNotImport", None, "StrategyImportFailed", "a_package_that_nobody_has"),
    ],
)
def test_failing_start_is_a_failure_with_freqtrades_words(
    make_bot: Any, source: str, strategy: str, change: Any, reason: str, words: str
) -> None:
    bot = make_bot(source, strategy, change)

    assert bot.run("trade") in (1, 2), bot.log("trade")
    assert bot.termination["reason"] == reason
    assert words in bot.termination["message"]


def test_start_without_the_exchange_says_so(make_bot: Any, exchange: Any) -> None:
    bot = make_bot("pulse.py", "Pulse")
    exchange.post("/_faults", {"status": 503})

    assert bot.run("trade") in (1, 2), bot.log("trade")
    assert bot.termination["reason"] == "ExchangeUnreachable"
    assert "Could not load markets" in bot.termination["message"]
