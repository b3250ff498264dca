"""Which fills of a bot have no signal: the decision behind every recovered row. Pure.

A stored signal of a fill stands for one order of its trade, but does not name it: webhooks know no order ids, and an
amount can change after its message was sent, when a fee becomes known. So of each trade and type the orders and the
signals are paired, equal ones first, then the nearest; the orders that stay alone are those whose signal is missing.
That never doubles: there are never more signals than orders.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from btcwatcher_api.collector.fills import Fill

_SAME_OPENING: Final = timedelta(seconds=1)
"""The bot's API cuts some times to seconds; one trade id cannot be opened twice within one."""
_FAR: Final = Decimal(10)


@dataclass(frozen=True, slots=True)
class StoredFill:
    """A row of `signals` that tells of a fill, or was filled in for one."""

    type: str
    trade_id: str
    opened_at: datetime
    price: Decimal | None
    amount: Decimal | None


def missing(fills: Sequence[Fill], stored: Sequence[StoredFill]) -> list[Fill]:
    """The fills that no stored signal stands for, in their order. `fills` must hold all fills of their trades."""
    rows: dict[tuple[str, str], list[StoredFill]] = defaultdict(list)
    for row in stored:
        rows[row.type, row.trade_id].append(row)
    groups: dict[tuple[str, str, datetime], list[Fill]] = defaultdict(list)
    for fill in fills:
        groups[fill.type, fill.trade_id, fill.opened_at].append(fill)
    alone: set[tuple[str, datetime, str]] = set()
    for (kind, trade_id, opened_at), group in groups.items():
        of_trade = [row for row in rows[kind, trade_id] if abs(row.opened_at - opened_at) <= _SAME_OPENING]
        alone.update(fill.key for fill in _unpaired(group, of_trade))
    return [fill for fill in fills if fill.key in alone]


def _unpaired(fills: list[Fill], rows: list[StoredFill]) -> list[Fill]:
    """Pair equal ones, then the nearest first, until fills or rows run out."""
    left = list(rows)
    alone = []
    for fill in fills:
        equal = next((row for row in left if (row.price, row.amount) == (fill.price, fill.amount)), None)
        if equal is None:
            alone.append(fill)
        else:
            left.remove(equal)
    pairs = sorted(
        (_distance(fill, row), number, index) for number, fill in enumerate(alone) for index, row in enumerate(left)
    )
    paired: set[int] = set()
    used: set[int] = set()
    for _, number, index in pairs:
        if number not in paired and index not in used:
            paired.add(number)
            used.add(index)
    return [fill for number, fill in enumerate(alone) if number not in paired]


def _distance(fill: Fill, row: StoredFill) -> Decimal:
    """A price that differs counts more than an amount that does."""
    return _FAR * _apart(fill.price, row.price) + _apart(fill.amount, row.amount)


def _apart(one: Decimal, other: Decimal | None) -> Decimal:
    """Relative, from 0 to 1; 1 where the other is not known."""
    if other is None:
        return Decimal(1)
    most = max(abs(one), abs(other))
    return min(Decimal(1), abs(one - other) / most) if most else Decimal(0)
