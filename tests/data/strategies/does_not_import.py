"""Needs a package that is in nobody's environment."""

import a_package_that_nobody_has  # noqa: F401
from freqtrade.strategy import IStrategy
from pandas import DataFrame


class DoesNotImport(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe


# mypy: ignore-errors
