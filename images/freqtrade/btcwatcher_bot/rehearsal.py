"""Runs the strategy's methods over synthetic candles, with freqtrade's own classes."""

import time
from typing import Any

from btcwatcher_bot.synthetic import candles

_LEAST_CANDLES = 500
_MOST_CANDLES = 5000


def rehearse(strategy: Any, config: dict[str, Any], exchange: Any, pair: str) -> None:
    """Let the strategy analyse ordinary candles of one pair. What it raises comes through as it is.

    Does in order what the bot does: bot_start, one bot_loop_start, then indicators, entry and exit.
    """
    from freqtrade.data.converter import ohlcv_to_dataframe
    from freqtrade.data.dataprovider import DataProvider
    from freqtrade.exchange import timeframe_to_minutes
    from freqtrade.persistence import init_db
    from freqtrade.strategy.strategy_validation import StrategyResultValidator
    from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper
    from freqtrade.util import dt_now
    from freqtrade.wallets import Wallets

    count = min(_MOST_CANDLES, max(_LEAST_CANDLES, int(strategy.startup_candle_count) + 200))

    def frame(of: str, timeframe: str) -> Any:
        step_ms = timeframe_to_minutes(timeframe) * 60_000
        last_open_ms = (int(time.time() * 1000) // step_ms - 1) * step_ms
        rows = candles(count, last_open_ms, step_ms)
        return ohlcv_to_dataframe(rows, timeframe, of, fill_missing=False, drop_incomplete=False)

    class SyntheticData(DataProvider):  # type: ignore[misc]
        """freqtrade's data provider with made-up candles and the config's pairs."""

        def ohlcv(self, pair: str, timeframe: str | None = None, *_: Any, **__: Any) -> Any:
            return frame(pair, timeframe or config["timeframe"])

        def current_whitelist(self) -> list[str]:
            return list(config["exchange"]["pair_whitelist"])

    # The strategy may look at trades; it finds an empty database in memory, never the bot's.
    init_db("sqlite://")
    strategy.dp = SyntheticData(config, exchange)
    strategy.wallets = Wallets(config, exchange)
    strategy.ft_bot_start()
    strategy_safe_wrapper(strategy.bot_loop_start, supress_error=True)(current_time=dt_now())
    strategy.gather_informative_pairs()
    data = strategy.dp.ohlcv(pair, strategy.timeframe)
    validator = StrategyResultValidator(data, warn_only=strategy.disable_dataframe_checks)
    validator.assert_df(strategy.analyze_ticker(data, {"pair": pair}))
