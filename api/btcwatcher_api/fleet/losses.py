"""What a selection of bots has lost: from the exits that Postgres has, and what each bot last said of its open trades.

Both are of different moments. A trade that has closed since its bot was last visited is counted by its exit alone, and
a partial exit since then not at all until the next visit, when what is left of the trade has its new price too. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

Bot = tuple[str, str]
"""Namespace and name."""

_CENTS: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a bot said at its last visit that succeeded."""

    at: datetime
    profits: Mapping[str, float]
    """By the trade's id, in the stake currency."""


@dataclass(frozen=True, slots=True)
class Exits:
    """What Postgres has of a bot within the time."""

    profit: Decimal
    """Of all its exits."""
    closed: Collection[str] = ()
    """Trades that were closed lately."""
    partial: Collection[tuple[str, datetime, Decimal]] = ()
    """Partial exits of lately: trade, time and profit."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a selection of bots stands."""

    exits: Decimal
    """Profit of all exits within the time."""
    open: Decimal
    """Profit of all open trades at the price of now."""
    bots: int
    unknown: int
    """Bots whose open trades are not known."""

    def loss(self, open_before: Decimal) -> Decimal:
        """Within the time, at whose beginning the open trades stood at `open_before`. Negative: a gain."""
        return (open_before - self.open - self.exits).quantize(_CENTS)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the open trades stood at, at one time."""

    at: datetime
    open: Decimal


def standing(bots: Collection[Bot], exits: Mapping[Bot, Exits], opened: Mapping[Bot, Opened]) -> Standing:
    """Of these bots together; `exits` and `opened` may hold others too."""
    parts = [_parts(exits.get(bot), opened.get(bot)) for bot in bots]
    return Standing(
        sum((left for left, _ in parts), Decimal(0)),
        sum((still for _, still in parts), Decimal(0)),
        len(bots),
        sum(bot not in opened for bot in bots),
    )


def sampled(before: Sequence[Sample], now: Sample, since: datetime, apart: timedelta) -> list[Sample]:
    """The samples with the one of now, if it is time for another: the first is what the time began with at `since`."""
    kept = list(before)
    while len(kept) > 1 and kept[1].at <= since:
        del kept[0]
    if not kept or now.at - kept[-1].at >= apart:
        kept.append(now)
    return kept


def _parts(exits: Exits | None, opened: Opened | None) -> tuple[Decimal, Decimal]:
    """Profit of the exits, and of the trades that are open."""
    closed = exits.profit if exits else Decimal(0)
    if opened is None:
        return closed, Decimal(0)
    gone = set(exits.closed) if exits else set()
    still = {trade: profit for trade, profit in opened.profits.items() if trade not in gone}
    later = [
        profit
        for trade, at, profit in (exits.partial if exits else ())
        # The bot's word on this trade is older, and of all of it.
        if trade in still and at > opened.at
    ]
    return closed - sum(later, Decimal(0)), sum((Decimal(repr(one)) for one in still.values()), Decimal(0))
