"""Comes round once, then its loop does not return."""

import time
from datetime import datetime

from freqtrade.strategy import IStrategy
from pandas import DataFrame


class Hangs(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 0.01}
    stoploss = -0.1
    rounds = 0

    def bot_loop_start(self, current_time: datetime, **kwargs: object) -> None:
        self.rounds += 1
        if self.rounds > 2:
            time.sleep(3600)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe


# ruff: noqa: RUF012
# mypy: ignore-errors
