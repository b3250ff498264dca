"""Enters every pair on every candle and leaves with any small gain: the quickest way to real fills."""

from freqtrade.strategy import IStrategy
from pandas import DataFrame


class Pulse(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    startup_candle_count = 5
    minimal_roi = {"0": 0.001}
    stoploss = -0.2

    def bot_start(self, **kwargs: object) -> None:
        self.dp.send_msg("hello from bot_start")

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["enter_long"] = 1
        dataframe["enter_tag"] = "pulse:0.90"
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe["exit_long"] = 0
        return dataframe


# ruff: noqa: RUF012
# mypy: ignore-errors
