from pathlib import Path

import pytest

from btcwatcher_bot.classify import failure_of, is_unreachable
from btcwatcher_bot.termination import Failure, Reason

SOURCE = """
LIMIT = 3

class Foo:
    def populate_indicators(self, frame):
        return frame["ask"]
"""


class FreqtradeError(Exception):
    pass


class OperationalException(FreqtradeError):  # noqa: N818 - freqtrade's name
    pass


class TemporaryError(FreqtradeError):
    pass


class OperationalError(Exception):
    pass


OperationalError.__module__ = "sqlalchemy.exc"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ('Exchange "x" is not known to the ccxt library and', Reason.EXCHANGE_UNKNOWN),
        ('Exchange "bitmex" will not work with Freqtrade. Reason: Various', Reason.EXCHANGE_UNKNOWN),
        ("Invalid timeframe '7m'. This exchange supports: []", Reason.TIMEFRAME_UNSUPPORTED),
        ("EUR is not available as stake on Binance. Available", Reason.STAKE_CURRENCY_UNSUPPORTED),
        (
            "Impossible to load Strategy 'X'. This class does not exist or contains Python code errors.",
            Reason.STRATEGY_NOT_FOUND,
        ),
        ("Impossible to load Strategy 'X'. Order-types mapping is incomplete.", Reason.STRATEGY_IMPORT_FAILED),
        ("`populate_exit_trend` or `populate_sell_trend` must be implemented.", Reason.STRATEGY_IMPORT_FAILED),
        ("Could not load markets, therefore cannot start.", Reason.EXCHANGE_UNREACHABLE),
        ('binance requires "apiKey" credential', Reason.CREDENTIALS_MISSING),
        ("Bad db-url sqlite:///.", Reason.DATABASE_ERROR),
        ("`max_open_trades` and `stake_amount` cannot both be unlimited.", Reason.CONFIG_INVALID),
    ],
)
def test_freqtrades_sentences(words: str, reason: Reason) -> None:
    assert failure_of(OperationalException(words), "logged", Path("strategy.py")) == Failure(reason, words)


def test_away_exchange_is_seen_through_wrapping() -> None:
    wrapped = ValueError("no data")
    wrapped.__cause__ = TemporaryError("timed out")
    assert is_unreachable(wrapped)
    assert failure_of(wrapped, "", Path("strategy.py")).reason is Reason.EXCHANGE_UNREACHABLE
    assert not is_unreachable(ValueError("no data"))


def test_database_and_anything_else() -> None:
    failure = failure_of(OperationalError("disk I/O error"), "", Path("strategy.py"))
    assert failure == Failure(Reason.DATABASE_ERROR, "OperationalError: disk I/O error")
    assert failure_of(RuntimeError("boom"), "", Path("x")) == Failure(Reason.BOT_EXITED, "RuntimeError: boom")
    assert failure_of(None, "said so", Path("x")) == Failure(Reason.BOT_EXITED, "said so")


def test_line_of_the_strategy_that_raised(tmp_path: Path) -> None:
    path = tmp_path / "strategy.py"
    path.write_text(SOURCE)
    namespace: dict[str, type] = {}
    exec(compile(SOURCE, str(path), "exec"), namespace)  # noqa: S102
    try:
        namespace["Foo"]().populate_indicators({})
    except KeyError as error:
        wrapped = OperationalException("'ask'")
        wrapped.__cause__ = error
        assert failure_of(wrapped, "", path) == Failure(
            Reason.STRATEGY_RAISES, "KeyError: 'ask' (strategy.py:6 in populate_indicators: return frame[\"ask\"])"
        )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import a_package_nobody_has", "ModuleNotFoundError: No module named 'a_package_nobody_has' (strategy.py:1:"),
        ("class Foo:\n    roi = undefined", "NameError: name 'undefined' is not defined (strategy.py:2:"),
        ("x = 1\ndef broken(:", "SyntaxError: invalid syntax (strategy.py:2: def broken(:)"),
    ],
)
def test_source_that_does_not_import(tmp_path: Path, source: str, words: str) -> None:
    path = tmp_path / "strategy.py"
    path.write_text(source)
    with pytest.raises((ImportError, NameError, SyntaxError)) as caught:
        exec(compile(source, str(path), "exec"), {"__name__": "strategy"})  # noqa: S102
    failure = failure_of(caught.value, "", path)
    assert failure.reason is Reason.STRATEGY_IMPORT_FAILED
    assert failure.message.startswith(words)
