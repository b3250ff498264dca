"""What each bot last said of its open trades, kept in Postgres for the collector that is active next."""

from collections.abc import Mapping
from typing import Final

import msgspec

from btcwatcher_api.collector.ledger import Ledger
from btcwatcher_api.fleet.losses import Bot, Opened

_SAID: Final = "SELECT namespace, strategy, at, profits FROM open_trades_said"
_SAY: Final = """
    INSERT INTO open_trades_said AS known (namespace, strategy, at, profits)
    SELECT namespace, strategy, at, profits
    FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb))
      AS row (namespace text, strategy text, at timestamptz, profits jsonb)
    ON CONFLICT (namespace, strategy) DO UPDATE SET at = excluded.at, profits = excluded.profits
    WHERE known.at < excluded.at
"""


class OpenTradesStore:
    """Its methods raise what the Ledger does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: dict[Bot, Opened] = {}
        """What Postgres has, as far as this process knows."""

    async def read(self) -> Mapping[Bot, Opened]:
        """Of all bots, whatever collector heard them."""
        rows = await self._ledger.read(_SAID, {})
        self._kept = {(namespace, name): Opened(at, profits) for namespace, name, at, profits in rows}
        return self._kept

    async def write(self, opened: Mapping[Bot, Opened]) -> None:
        """Write down what is not there yet. A bot that says the same again says nothing new."""
        new = {
            bot: said
            for bot, said in opened.items()
            if (before := self._kept.get(bot)) is None or before.profits != said.profits
        }
        if not new:
            return
        rows = [
            {"namespace": namespace, "strategy": name, "at": said.at, "profits": said.profits}
            for (namespace, name), said in new.items()
        ]
        await self._ledger.note(_SAY, {"rows": msgspec.json.encode(rows).decode()})
        self._kept |= new
