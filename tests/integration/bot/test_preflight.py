"""The preflight of a real freqtrade: each kind of bad Strategy, in freqtrade's words."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.integration
Config = dict[str, Any]


def _exchange_name(config: Config) -> None:
    config["exchange"]["name"] = "binanze"


def _timeframe(config: Config) -> None:
    config["timeframe"] = "7m"


def _stake_currency(config: Config) -> None:
    config["stake_currency"] = "EURX"


def _schema(config: Config) -> None:
    config["max_open_trades"] = "three"


def _no_pair_left(config: Config) -> None:
    config["exchange"]["pair_whitelist"] = ["FOO/USDT", "ETH/BTC"]


@pytest.mark.parametrize(
    ("source", "strategy", "change", "reason", "words"),
    [
        ("pulse.py", "Pulse", _exchange_name, "ExchangeUnknown", '"binanze" is not known to the ccxt library'),
        ("pulse.py", "Pulse", _timeframe, "TimeframeUnsupported", "Invalid timeframe '7m'"),
        ("pulse.py", "Pulse", _stake_currency, "StakeCurrencyUnsupported", "EURX is not available as stake on Binance"),
        ("pulse.py", "Pulse", _schema, "ConfigInvalid", "max_open_trades: 'three' is not of type"),
        ("pulse.py", "Pulse", _no_pair_left, "PairsMissing", "FOO/USDT (not on Binance)"),
        ("pulse.py", "Puls", None, "StrategyNotFound", "Impossible to load Strategy 'Puls'"),
        (
            "does_not_import.py",
            "DoesNotImport",
            None,
            "StrategyImportFailed",
            "ModuleNotFoundError: No module named 'a_package_that_nobody_has' (strategy.py:3",
        ),
        ("missing_methods.py", "MissingMethods", None, "StrategyImportFailed", "must be implemented"),
        (
            "raises_in_indicators.py",
            "RaisesInIndicators",
            None,
            "StrategyRaises",
            "KeyError: 'ask' (strategy.py:14 in populate_indicators",
        ),
        (
            "raises_in_entry.py",
            "RaisesInEntry",
            None,
            "StrategyRaises",
            "ZeroDivisionError: integer division or modulo by zero (strategy.py:17 in populate_entry_trend",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalnum() else "",
)
def test_refuses_in_freqtrades_words(
    make_bot: Any, source: str, strategy: str, change: Callable[[Config], None] | None, reason: str, words: str
) -> None:
    bot = make_bot(source, strategy, change)

    assert bot.run("preflight") == 1, bot.log("preflight")
    assert bot.termination is not None
    assert bot.termination["reason"] == reason
    assert words in bot.termination["message"]


def test_syntax_error_names_its_line(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Pulse")
    source = bot.folder / "revision/strategy.py"
    source.write_text(source.read_text().replace("minimal_roi = {", "minimal_roi = {{"))

    assert bot.run("preflight") == 1
    assert bot.termination["reason"] == "StrategyImportFailed"
    assert "SyntaxError" in bot.termination["message"]
    assert "strategy.py:" in bot.termination["message"]


def test_unknown_class_is_told_what_the_source_defines(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Puls")

    assert bot.run("preflight") == 1
    assert "The source defines Pulse." in bot.termination["message"]


def test_good_strategy_passes_without_a_word_and_without_writing(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Pulse")
    shutil.rmtree(bot.folder / "access")
    shutil.rmtree(bot.folder / "data")

    assert bot.run("preflight") == 0, bot.log("preflight")
    assert bot.termination is None
    left = sorted(str(path.relative_to(bot.folder)) for path in bot.folder.rglob("*") if path.is_file())
    assert left == ["preflight.log", "revision/config.json", "revision/strategy.py"]


def test_live_strategy_is_checked_without_its_credentials(make_bot: Any) -> None:
    def live(config: Config) -> None:
        config["dry_run"] = False
        config["db_url"] = "sqlite:///data/trades.live.sqlite"

    bot = make_bot("pulse.py", "Pulse", live)

    assert bot.run("preflight") == 0, bot.log("preflight")
    assert bot.termination is None


def test_missing_pairs_are_a_warning(make_bot: Any) -> None:
    def some_missing(config: Config) -> None:
        config["exchange"]["pair_whitelist"] = ["BTC/USDT", "FOO/USDT", "ETH/BTC"]

    bot = make_bot("pulse.py", "Pulse", some_missing)

    assert bot.run("preflight") == 0, bot.log("preflight")
    assert bot.termination["reason"] == "PairsMissing"
    assert bot.termination["missingPairs"] == ["FOO/USDT", "ETH/BTC"]
    assert "ETH/BTC (quoted in BTC, the stake is USDT)" in bot.termination["message"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "retry_after": 60}], ids=["503", "429"])
def test_exchange_that_is_away_is_not_held_against_the_config(make_bot: Any, exchange: Any, fault: Config) -> None:
    def would_be_wrong(config: Config) -> None:
        config["exchange"]["pair_whitelist"] = ["FOO/USDT"]

    bot = make_bot("pulse.py", "Pulse", would_be_wrong)
    exchange.post("/_faults", fault)

    assert bot.run("preflight") == 0, bot.log("preflight")
    assert bot.termination is None


def test_slow_exchange_is_not_waited_for(make_bot: Any, exchange: Any) -> None:
    bot = make_bot("pulse.py", "Pulse")
    exchange.post("/_faults", {"latency_ms": 60_000})

    assert bot.run("preflight", seconds=45) == 0, bot.log("preflight")
    assert bot.termination is None


def test_strategy_that_never_returns_is_given_up(make_bot: Any) -> None:
    bot = make_bot("never_returns.py", "NeverReturns")
    bot.environment["BTCWATCHER_PREFLIGHT_SECONDS"] = "3"

    assert bot.run("preflight") == 1
    assert bot.termination["reason"] == "StrategyRaises"
    assert "in populate_indicators" in bot.termination["message"]


def test_config_that_is_no_json(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Pulse")
    (bot.folder / "revision/config.json").write_text("{")

    assert bot.run("preflight") == 1
    assert bot.termination["reason"] == "ConfigInvalid"
