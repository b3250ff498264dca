"""Comes round twice, then raises what makes freqtrade stop trading; once only, so that it can be started again."""

from freqtrade.exceptions import OperationalException
from freqtrade.strategy import IStrategy
from pandas import DataFrame


class GivesUp(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 0.01}
    stoploss = -0.1
    rounds = 0

    def informative_pairs(self) -> list:
        self.rounds += 1
        if self.rounds == 5:
            raise OperationalException("the account is locked, its secret=hunter22")
        return []

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe


# ruff: noqa: RUF012
# mypy: ignore-errors
