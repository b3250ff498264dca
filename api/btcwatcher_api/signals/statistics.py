"""Counting signals: one pass over a bounded stretch of time, aggregated by Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.signals.filters import Filter, conditions
from btcwatcher_api.signals.table import signals
from btcwatcher_api.signals.types import ENTRY_TYPES, EXIT_TYPES, SignalType
from btcwatcher_crds.strategy import SignalLevel


class Interval(StrEnum):
    """Length of a point of the trend; days are UTC's."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return timedelta(hours=1) if self is Interval.HOUR else timedelta(days=1)

    @property
    def longest(self) -> timedelta:
        """The longest stretch of time that may be asked for: 744 points of an hour, 366 of a day."""
        return timedelta(days=31) if self is Interval.HOUR else timedelta(days=366)

    def begin_of(self, moment: datetime) -> datetime:
        """The begin of the interval that `moment`, in UTC, lies in."""
        whole = moment.replace(minute=0, second=0, microsecond=0)
        return whole if self is Interval.HOUR else whole.replace(hour=0)


_LEVELS: Final = tuple(SignalLevel)
_FILLED: Final = signals.c.type == SignalType.EXIT_FILL.value
_COUNTS: Final[dict[str, ColumnElement[Any]]] = {
    "total": func.count(),
    "recovered": func.count().filter(signals.c.recovered),
    "entries": func.count().filter(signals.c.type.in_(sorted(ENTRY_TYPES))),
    "exits": func.count().filter(signals.c.type.in_(sorted(EXIT_TYPES))),
    "filled_exits": func.count().filter(_FILLED),
    "winning": func.count().filter(_FILLED, signals.c.profit_ratio > 0),
    "losing": func.count().filter(_FILLED, signals.c.profit_ratio < 0),
    **{f"level_{level.value}": func.count().filter(signals.c.level == level.value) for level in _LEVELS},
}
_BY_TYPE: Final = {f"type_{kind.value}": func.count().filter(signals.c.type == kind.value) for kind in SignalType}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many signals of which kind."""

    total: int
    recovered: int
    entries: int
    exits: int
    filled_exits: int
    winning: int
    losing: int
    levels: dict[str, int]


async def by_strategy(connection: AsyncConnection, wanted: Filter) -> list[RowMapping]:
    """One row of counts for each Strategy that sent anything, most first."""
    columns = {**_COUNTS, **_BY_TYPE}
    total = columns["total"].label("total")
    rest = [column.label(name) for name, column in columns.items() if name != "total"]
    query = (
        select(signals.c.namespace, signals.c.strategy, total, *rest)
        .where(*conditions(wanted))
        .group_by(signals.c.namespace, signals.c.strategy)
        .order_by(total.desc(), signals.c.namespace, signals.c.strategy)
    )
    return list((await connection.execute(query)).mappings())


async def by_interval(connection: AsyncConnection, wanted: Filter, interval: Interval) -> dict[datetime, Counts]:
    """Counts by the begin of their interval; intervals without a signal are left out."""
    begin = func.date_trunc(interval.value, signals.c.event_time, "UTC").label("begin")
    columns = [column.label(name) for name, column in _COUNTS.items()]
    query = select(begin, *columns).where(*conditions(wanted)).group_by(begin)
    rows = (await connection.execute(query)).mappings()
    return {row["begin"]: summed([row]) for row in rows}


def summed(rows: Sequence[RowMapping]) -> Counts:
    """The counts of all rows together."""

    def sum_of(name: str) -> int:
        return sum(row[name] for row in rows)

    names = [name for name in _COUNTS if not name.startswith("level_")]
    levels = {level.value: sum_of(f"level_{level.value}") for level in _LEVELS}
    return Counts(**{name: sum_of(name) for name in names}, levels=levels)


def types_of(rows: Sequence[RowMapping]) -> dict[str, int]:
    """How many of each type, of those that there are."""
    sums = {kind.value: sum(row[f"type_{kind.value}"] for row in rows) for kind in SignalType}
    return {kind: count for kind, count in sums.items() if count}
