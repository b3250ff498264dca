"""What the collector remembers of one bot between visits: what was read, and which fills wait to be filled in. Pure.

All of it may be lost: it is made again from the bot and the table, at the price of reading more once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from btcwatcher_api.collector.bot_api import Trade
from btcwatcher_api.collector.fills import Fill, fills_of, is_filled, moment

_OVERLAP = timedelta(minutes=10)
"""Closed trades are read this much further back than the last visit: an exchange's clock is not ours."""

FillKey = tuple[str, datetime, str]
TradeKey = tuple[int, int]
"""Id and opening, as the bot says them."""


@dataclass(slots=True)
class Memory:
    """`since`: closed trades from here on have not all been read yet."""

    since: datetime
    open_ids: frozenset[int] = frozenset()
    """Trades that were open when the closed ones were last read: each is open still, or will be among those."""
    settled: dict[TradeKey, int] = field(default_factory=dict)
    """How many fills of a trade have their signals, where all had, of the trades that were seen last: most visits see
    nothing else, and need not look at what is filled."""
    waiting: dict[TradeKey, tuple[Fill, ...]] = field(default_factory=dict)
    """All fills of each trade that may have one without a signal."""
    seen: dict[FillKey, float] = field(default_factory=dict)
    """When each fill of these was first seen, by the monotonic clock."""

    def read_enough(self, opened: Iterable[Trade], closed: Sequence[Trade], oldest: datetime) -> bool:
        """Whether `closed`, the latest first, hold all that can be new to us and is not from before `oldest`.

        A trade that closed since the last visit was either open then, so it must be among them, or it was opened after
        that visit, so it closed after `since`.
        """
        if not closed or closed[-1].close_timestamp is None:
            return False
        reaches_to = moment(closed[-1].close_timestamp)
        if reaches_to < oldest:
            return True
        found = {trade.trade_id for trade in opened} | {trade.trade_id for trade in closed}
        return reaches_to < self.since and self.open_ids <= found

    def same_open(self, opened: Iterable[Trade]) -> bool:
        """Whether the trades that are open are those of the last visit, so that none of them has closed."""
        return _with_fills(opened) == self.open_ids

    def take(self, opened: Iterable[Trade], closed: Iterable[Trade] | None, oldest: datetime, now: float) -> None:
        """Remember what a visit read; `closed` is None where it did not read them. Fills from before `oldest` are left
        alone. A trade that is among both closed between the two answers."""
        settled: dict[TradeKey, int] = dict(self.settled) if closed is None else {}
        for trade in (*opened, *(closed or ())):
            name = (trade.trade_id, trade.open_timestamp)
            filled = sum(map(is_filled, trade.orders))
            if filled == self.settled.get(name, 0):
                settled[name] = filled
                continue
            fills = tuple(fills_of(trade))
            if all(fill.filled_at < oldest for fill in fills):
                settled[name] = filled
                continue
            settled.pop(name, None)
            for fill in fills:
                self.seen.setdefault(fill.key, now)
            self.waiting[name] = fills
        self.settled = settled

    def visited(self, opened: Iterable[Trade], at: datetime) -> None:
        """The visit that began then has read the closed trades too."""
        self.open_ids = _with_fills(opened)
        self.since = max(self.since, at - _OVERLAP)

    def due(self, before: float) -> list[Fill]:
        """All fills of the trades with a fill that was first seen before then, and has had time for its webhook."""
        return [
            fill for fills in self.waiting.values() if any(self.is_due(one, before) for one in fills) for fill in fills
        ]

    def is_due(self, fill: Fill, before: float) -> bool:
        return self.seen.get(fill.key, float("inf")) <= before

    def settle(self, looked_at: Iterable[Fill], missing: Iterable[Fill]) -> None:
        """Of these fills all but the missing ones have their signal."""
        done = {fill.key for fill in looked_at} - {fill.key for fill in missing}
        for name, fills in list(self.waiting.items()):
            if all(fill.key in done for fill in fills):
                self.settled[name] = len(fills)
                del self.waiting[name]
                for fill in fills:
                    self.seen.pop(fill.key, None)


def _with_fills(trades: Iterable[Trade]) -> frozenset[int]:
    """One without a fill may vanish for good: its entry was cancelled."""
    return frozenset(trade.trade_id for trade in trades if any(map(is_filled, trade.orders)))
