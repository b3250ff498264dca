"""Uses what the wrapper does not load at the start, each at the time and in the way that strategies do."""

import ccxt
import numpy as np
import pandas as pd
import pyarrow as pa
import talib.abstract as ta
from freqtrade.strategy import IStrategy
from pandas import DataFrame
from scipy import stats
from scipy.stats import norm, zscore
from technical import qtpylib


class ManyLibraries(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    startup_candle_count = 30
    minimal_roi = {"0": 0.001}
    stoploss = -0.2

    def bot_start(self, **kwargs: object) -> None:
        """A docstring of the user's."""
        assert issubclass(ccxt.kraken, ccxt.Exchange)
        assert ccxt.kraken().id == "kraken"
        assert pa.array([1, 2]).sum().as_py() == 3

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=14)
        dataframe["tema"] = qtpylib.typical_price(dataframe)
        dataframe["z"] = zscore(dataframe["close"])
        dataframe["p"] = norm.cdf(dataframe["z"].fillna(0))
        dataframe["slope"] = stats.linregress(np.arange(10), np.arange(10) * 2.0).slope
        dataframe["side"] = pd.Series(["up", "down"] * len(dataframe)).head(len(dataframe))
        arrow = dataframe["close"].astype("double[pyarrow]")
        dataframe["arrow"] = (arrow + 1).astype(float)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe["slope"].round(6).eq(2) & dataframe["side"].str.len().gt(1), "enter_long"] = 1
        dataframe["enter_tag"] = dataframe["side"].str.upper()
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["exit_long"] = 0
        return dataframe


# ruff: noqa: RUF012
# mypy: ignore-errors
