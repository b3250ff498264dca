"""Spins for ever in its indicators."""

from freqtrade.strategy import IStrategy
from pandas import DataFrame


class NeverReturns(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 0.01}
    stoploss = -0.1

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        import time

        time.sleep(3600)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe


# ruff: noqa: RUF012
# mypy: ignore-errors
