"""All reading SQL of signals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.signals.cursor import Cursor
from btcwatcher_api.signals.dedup import first_id_at, time_range_of
from btcwatcher_api.signals.table import signals
from btcwatcher_api.signals.types import SignalType

_LISTED: Final = [column for column in signals.columns if column.name != "payload"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which signals; None does not filter. Times are aware: `since` inclusive, `until` exclusive."""

    namespace: str | None = None
    strategy: str | None = None
    pair: str | None = None
    types: frozenset[SignalType] = field(default_factory=frozenset)
    levels: frozenset[str] = field(default_factory=frozenset)
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and whether there are more on either side."""

    rows: Sequence[RowMapping]
    older: Cursor | None
    newer: Cursor | None


def page_query(wanted: Filter, cursor: Cursor | None, limit: int) -> Select[Any]:
    """One row more than the limit, to know whether there are more."""
    ascending = cursor is not None and cursor.newer
    query = select(*_LISTED).where(*conditions(wanted))
    if cursor is not None:
        begin = time_range_of(cursor.id)
        if ascending:
            query = query.where(signals.c.id > cursor.id)
            # The id implies the time; saying so as well lets Postgres leave partitions out.
            query = query.where(signals.c.event_time >= begin[0]) if begin else query
        else:
            query = query.where(signals.c.id < cursor.id)
            query = query.where(signals.c.event_time < begin[1]) if begin else query
    return query.order_by(signals.c.id if ascending else signals.c.id.desc()).limit(limit + 1)


async def page(connection: AsyncConnection, wanted: Filter, cursor: Cursor | None, limit: int) -> Page:
    """One page of the history, newest first."""
    rows = list((await connection.execute(page_query(wanted, cursor, limit))).mappings())
    more = len(rows) > limit
    rows = rows[:limit]
    if cursor is not None and cursor.newer:
        rows.reverse()
        if not rows:
            # Nothing newer yet: the same question may be asked again.
            return Page(rows, Cursor(cursor.id, newer=False), cursor)
        return Page(rows, Cursor(rows[-1]["id"], newer=False), Cursor(rows[0]["id"], newer=True))
    newer = Cursor(rows[0]["id"], newer=True) if rows else (cursor and Cursor(cursor.id, newer=True))
    return Page(rows, Cursor(rows[-1]["id"], newer=False) if more else None, newer)


async def one(connection: AsyncConnection, identifier: UUID) -> RowMapping | None:
    """The signal with this id; None if there is none."""
    when = time_range_of(identifier)
    if when is None:
        return None
    query = select(signals).where(
        signals.c.id == identifier, signals.c.event_time >= when[0], signals.c.event_time < when[1]
    )
    return (await connection.execute(query)).mappings().first()


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """What a row must meet."""
    columns = signals.c
    found: list[ColumnElement[bool]] = []
    for column, value in (
        (columns.namespace, wanted.namespace),
        (columns.strategy, wanted.strategy),
        (columns.pair, wanted.pair),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.types:
        found.append(columns.type.in_(sorted(wanted.types)))
    if wanted.levels:
        found.append(columns.level.in_(sorted(wanted.levels)))
    if wanted.since is not None:
        found += [columns.event_time >= wanted.since, columns.id >= first_id_at(wanted.since)]
    if wanted.until is not None:
        found.append(columns.event_time < wanted.until)
    return found
