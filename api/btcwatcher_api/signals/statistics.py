"""Counting signals in a bounded stretch of time: from the hourly roll-up, and one by one what is not in it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.signals.filters import Filter, conditions
from btcwatcher_api.signals.rollup import ALL, Stretch, mark, not_rolled_up, rolled_up, signal_hours, whole_hours
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


def _counts(counted: Subquery) -> dict[str, ColumnElement[Any]]:
    """The sums that are asked for, of rows that count signals of one type and level."""
    total, kind, level = counted.c.total, counted.c.type, counted.c.level

    def sum_of(column: ColumnElement[int], *where: ColumnElement[bool]) -> ColumnElement[Any]:
        summed = func.sum(column).filter(*where) if where else func.sum(column)
        return func.coalesce(summed, literal_column("0"))

    return {
        "total": sum_of(total),
        "recovered": sum_of(counted.c.recovered),
        "entries": sum_of(total, kind.in_(sorted(ENTRY_TYPES))),
        "exits": sum_of(total, kind.in_(sorted(EXIT_TYPES))),
        "filled_exits": sum_of(total, kind == SignalType.EXIT_FILL.value),
        "winning": sum_of(counted.c.winning),
        "losing": sum_of(counted.c.losing),
        **{f"level_{one.value}": sum_of(total, level == one.value) for one in _LEVELS},
    }


async def _counted(connection: AsyncConnection, wanted: Filter, *, apart: bool) -> Subquery:
    """Rows that count the wanted signals, each once: whole hours from the roll-up, and the rest one by one.

    `apart`: those of one Strategy apart from another's.
    """
    since, until = wanted.since, wanted.until
    whole = whole_hours(since, until) if since and until and wanted.pair is None else None
    if whole is None:
        return _one_by_one(*conditions(wanted)).subquery("counted")
    below = await mark(connection)
    edges = [
        edge
        for edge in (replace(wanted, until=whole.begin), replace(wanted, since=whole.end))
        if edge.since != edge.until
    ]
    return union_all(
        _hours(wanted, whole, apart=apart),
        _one_by_one(*conditions(wanted), not_rolled_up(below)),
        *(_one_by_one(*conditions(edge), rolled_up(below)) for edge in edges),
    ).subquery("counted")


def _hours(wanted: Filter, whole: Stretch, *, apart: bool) -> Select[Any]:
    hours = signal_hours.c
    query = select(
        hours.namespace,
        hours.strategy,
        hours.type,
        hours.level,
        hours.hour.label("at"),
        hours.total,
        hours.recovered,
        hours.winning,
        hours.losing,
    ).where(hours.hour >= whole.begin, hours.hour < whole.end)
    for column, value in ((hours.namespace, wanted.namespace), (hours.strategy, wanted.strategy)):
        if value is not None:
            query = query.where(column == value)
    if wanted.namespace is None and wanted.strategy is None:
        # The same signals are counted for each Strategy and for all.
        query = query.where(hours.strategy != ALL if apart else hours.strategy == ALL)
    if wanted.types:
        query = query.where(hours.type.in_(sorted(wanted.types)))
    if wanted.levels:
        query = query.where(hours.level.in_(sorted(wanted.levels)))
    return query


def _one_by_one(*where: ColumnElement[bool]) -> Select[Any]:
    columns = signals.c
    filled = columns.type == SignalType.EXIT_FILL.value
    return select(
        columns.namespace,
        columns.strategy,
        columns.type,
        func.coalesce(columns.level, "").label("level"),
        columns.event_time.label("at"),
        literal_column("1").label("total"),
        cast(columns.recovered, Integer).label("recovered"),
        case((and_(filled, columns.profit_ratio > 0), 1), else_=0).label("winning"),
        case((and_(filled, columns.profit_ratio < 0), 1), else_=0).label("losing"),
    ).where(*where)


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
    counted = await _counted(connection, wanted, apart=True)
    columns = _counts(counted)
    total = columns["total"].label("total")
    rest = [column.label(name) for name, column in columns.items() if name != "total"]
    by_type = [
        func.coalesce(func.sum(counted.c.total).filter(counted.c.type == kind.value), literal_column("0")).label(
            f"type_{kind.value}"
        )
        for kind in SignalType
    ]
    query = (
        select(counted.c.namespace, counted.c.strategy, total, *rest, *by_type)
        .group_by(counted.c.namespace, counted.c.strategy)
        .order_by(total.desc(), counted.c.namespace, counted.c.strategy)
    )
    return list((await connection.execute(query)).mappings())


async def by_interval(connection: AsyncConnection, wanted: Filter, interval: Interval) -> dict[datetime, Counts]:
    """Counts by the begin of their interval; intervals without a signal are left out."""
    counted = await _counted(connection, wanted, apart=False)
    begin = func.date_trunc(interval.value, counted.c.at, "UTC").label("begin")
    columns = [column.label(name) for name, column in _counts(counted).items()]
    rows = (await connection.execute(select(begin, *columns).group_by(begin))).mappings()
    return {row["begin"]: summed([row]) for row in rows}


def summed(rows: Sequence[RowMapping]) -> Counts:
    """The counts of all rows together."""

    def sum_of(name: str) -> int:
        return sum(row[name] for row in rows)

    names = [one.name for one in fields(Counts) if one.name != "levels"]
    levels = {level.value: sum_of(f"level_{level.value}") for level in _LEVELS}
    return Counts(**{name: sum_of(name) for name in names}, levels=levels)


def types_of(rows: Sequence[RowMapping]) -> dict[str, int]:
    """How many of each type, of those that there are."""
    sums = {kind.value: sum(row[f"type_{kind.value}"] for row in rows) for kind in SignalType}
    return {kind: count for kind, count in sums.items() if count}
