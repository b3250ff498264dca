"""What a selection of bots has lost: from the exits that Postgres has, and what each bot last said of its open trades.

Both are of different moments. A trade that has closed since its bot was last visited is counted by its exit alone, and
a partial exit since then not at all until the next visit, when what is left of the trade has its new price too. Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
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
class Loss:
    amount: Decimal
    """Negative: a gain."""
    bots: int
    unknown: int
    """Bots whose open trades are not known."""


def loss(bots: Collection[Bot], exits: Mapping[Bot, Exits], opened: Mapping[Bot, Opened]) -> Loss:
    """Of these bots together; `exits` and `opened` may hold others too."""
    profit = sum((_profit(exits.get(bot), opened.get(bot)) for bot in bots), Decimal(0))
    return Loss((-profit).quantize(_CENTS), len(bots), sum(bot not in opened for bot in bots))


def _profit(exits: Exits | None, opened: Opened | None) -> Decimal:
    closed = exits.profit if exits else Decimal(0)
    if opened is None:
        return closed
    gone = set(exits.closed) if exits else set()
    still = {trade: profit for trade, profit in opened.profits.items() if trade not in gone}
    later = [
        profit
        for trade, at, profit in (exits.partial if exits else ())
        # The bot's word on this trade is older, and of all of it.
        if trade in still and at > opened.at
    ]
    return closed - sum(later, Decimal(0)) + sum((Decimal(repr(one)) for one in still.values()), Decimal(0))
