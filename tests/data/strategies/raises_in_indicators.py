"""Asks for a column that candles do not have."""

from freqtrade.strategy import IStrategy
from pandas import DataFrame


class RaisesInIndicators(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 0.01}
    stoploss = -0.1

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["spread"] = dataframe["ask"] - dataframe["bid"]
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe


# ruff: noqa: RUF012
# mypy: ignore-errors
