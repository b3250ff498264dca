"""Trades nothing; writes down every candle it is shown, so that two bots can be compared."""

import json
from pathlib import Path

from freqtrade.strategy import IStrategy
from pandas import DataFrame


class NotesCandles(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 0.01}  # noqa: RUF012
    stoploss = -0.1
    process_only_new_candles = True

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        rows = {
            row.date.isoformat(): [row.open, row.high, row.low, row.close, row.volume]
            for row in dataframe.itertuples(index=False)
        }
        notes = Path(self.config["user_data_dir"]) / "candles"
        notes.mkdir(exist_ok=True)
        for suffix, text in ((".json", json.dumps(rows)), (".newest", max(rows))):
            # Whole or not at all: the test reads it at any time.
            note = notes / f"{metadata['pair'].replace('/', '-')}{suffix}"
            fresh = note.with_suffix(f"{suffix}-new")
            fresh.write_text(text)
            fresh.rename(note)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        return dataframe


# mypy: ignore-errors
