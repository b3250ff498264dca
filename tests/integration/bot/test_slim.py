"""What makes a bot small takes nothing away: the same classes, and strategies that use what is loaded late."""

import json
import os
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from support.freqtrade_bots import IMAGE, Config, wait_for

pytestmark = pytest.mark.integration


def _two_pairs(config: Config) -> None:
    config["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT"]


def _run(python: Path, source: str, slim: bool) -> Any:
    """What a program prints as JSON, run as the wrapper runs freqtrade, or without what makes it small."""
    prelude = "import os\nfrom btcwatcher_bot import slim\nslim.before_imports(os.environ)\n"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(IMAGE), "BTCWATCHER_SLIM": str(slim).lower()}
    done = subprocess.run(
        [str(python), "-c", prelude + textwrap.dedent(source)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


_EXCHANGES = """
    import json
    import freqtrade.worker
    import ccxt, ccxt.pro, ccxt.async_support
    from freqtrade.exchange import exchange_utils, Exchange
    from freqtrade.resolvers import ExchangeResolver

    def bot(name):
        "What freqtrade makes of it: its own class, and those of ccxt that it talks through."
        config = {"exchange": {"name": name, "enable_ws": True}, "dry_run": True, "runmode": None, "timeframe": "1h",
                  "stake_currency": "USDT", "trading_mode": "spot", "margin_mode": "", "candle_type_def": "spot",
                  "entry_pricing": {}, "exit_pricing": {}}
        exchange = ExchangeResolver.load_exchange(config, validate=False)
        apis = (exchange._api, exchange._api_async, exchange._ws_async)
        return [named(type(item)) for item in (exchange, *apis) if item is not None]

    def named(cls):
        return [f"{base.__module__}.{base.__qualname__}" for base in cls.__mro__]

    packages = (ccxt, ccxt.async_support, ccxt.pro)
    print(json.dumps({
        "lists": [package.exchanges for package in packages],
        "classes": {f"{package.__name__}.{name}": named(getattr(package, name))
                    for package in packages for name in package.exchanges},
        "bots": {name: bot(name) for name in (
            "binance", "binanceus", "bitget", "bybit", "gate", "htx", "hyperliquid", "kraken", "krakenfutures",
            "kucoin", "myokx", "okx")},
    }))
"""


def test_every_exchange_is_the_same_class_as_without(freqtrade_python: Path) -> None:
    plain = _run(freqtrade_python, _EXCHANGES, slim=False)
    assert len(plain["bots"]) == 12
    assert len(plain["classes"]) > 200
    assert _run(freqtrade_python, _EXCHANGES, slim=True) == plain


_LOADED = """
    import os, json, sys
    import freqtrade.worker
    slim.after_imports(os.environ)
    import ccxt, ccxt.pro
    import pandas
    from freqtrade.data import metrics
    from freqtrade.resolvers import ExchangeResolver

    ccxt.binance, ccxt.async_support.binance, ccxt.pro.binance
    frame = pandas.DataFrame({"text": ["a", "b", None], "number": [1.0, 2.0, 3.0]})
    text = [list(frame["text"].str.upper()[:2]), str(frame["text"].dtype), frame.to_json()]
    before = [name for name in sys.modules if name.startswith(("ccxt", "scipy", "pyarrow"))]
    arrow = frame["number"].astype("double[pyarrow]")
    import pyarrow
    text += [str(arrow.dtype), float((arrow + 1).sum()), bool((arrow >= 1).all()), pyarrow.__version__]
    text.append(isinstance(pyarrow.array([1]), pyarrow.Array))
    text.append(int(frame["text"].astype("string[pyarrow]").str.len().sum()))
    text += [str(frame.convert_dtypes(dtype_backend="pyarrow").dtypes["text"])]
    from pandas.testing import assert_frame_equal
    assert_frame_equal(frame, frame)
    from scipy import stats
    text.append(round(stats.ttest_1samp([1.0, 2.0, 3.0], popmean=0).pvalue, 6))
    print(json.dumps({"before": before, "text": text}))
"""


def test_only_what_a_bot_needs_is_loaded_and_the_rest_when_asked_for(freqtrade_python: Path) -> None:
    slim = _run(freqtrade_python, _LOADED, slim=True)
    plain = _run(freqtrade_python, _LOADED, slim=False)
    assert slim["text"] == plain["text"]
    assert "ccxt.pro.binance" in slim["before"]
    for name in ("ccxt.kraken", "scipy.stats._stats_py", "pyarrow.lib", "pyarrow._compute"):
        assert name in plain["before"]
        assert name not in slim["before"]


def test_a_trading_bot_holds_neither_arrow_nor_statistics(make_bot: Any) -> None:
    bot = make_bot("pulse.py", "Pulse", _two_pairs)
    bot.start_trading()
    wait_for("entries", lambda: len(bot.trades()) >= 2)
    assert bot.process is not None
    mapped = Path(f"/proc/{bot.process.pid}/maps").read_text()
    assert "pandas" in mapped
    assert "libarrow" not in mapped
    assert "scipy/stats" not in mapped
    assert bot.end() == 0, bot.log("trade")


@pytest.mark.parametrize("slim", ["true", pytest.param("false", marks=pytest.mark.full)])
def test_a_strategy_may_use_what_is_loaded_late(make_bot: Any, slim: str) -> None:
    bot = make_bot("many_libraries.py", "ManyLibraries", _two_pairs)
    bot.environment["BTCWATCHER_SLIM"] = slim
    assert bot.run("preflight") == 0, bot.log("preflight")
    assert "nothing wrong found" in bot.log("preflight")
    bot.start_trading()
    wait_for("entries", lambda: len(bot.trades()) >= 2)
    assert bot.end() == 0, bot.log("trade")
    assert "Unable to analyze" not in bot.log("trade")
    assert bot.termination is None
