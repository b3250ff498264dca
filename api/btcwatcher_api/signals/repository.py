"""Pages of the signal history, and single signals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.signals import arrival, wire
from btcwatcher_api.signals.cursor import Cursor, Position, page_of
from btcwatcher_api.signals.dedup import time_range_of
from btcwatcher_api.signals.filters import Filter, conditions
from btcwatcher_api.signals.table import signals


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of `wire.columns`, newest first, and whether there are more on either side."""

    rows: Sequence[Row[Any]]
    older: Cursor | None
    newer: Cursor | None


def page_query(wanted: Filter, cursor: Cursor | None, limit: int) -> Select[Any]:
    """By the events' times. One row more than the limit, to know whether there are more."""
    ascending = cursor is not None and cursor.newer
    query = select(*wire.columns, signals.c.arrival).where(*conditions(wanted))
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


def arrivals_query(wanted: Filter, cursor: Cursor | None, limit: int) -> Select[Any]:
    """By arrival, as far as it is settled. One row more than the limit."""
    columns = signals.c
    query = select(*wire.columns, signals.c.arrival).where(*conditions(wanted), arrival.settled()).limit(limit + 1)
    if cursor is None or cursor.arrival is None:
        return query.order_by(columns.arrival.desc(), columns.id.desc())
    position = Position(cursor.arrival, cursor.id)
    if cursor.newer:
        return query.where(arrival.after(position)).order_by(columns.arrival, columns.id)
    return query.where(arrival.before(position)).order_by(columns.arrival.desc(), columns.id.desc())


async def page(
    connection: AsyncConnection, wanted: Filter, cursor: Cursor | None, limit: int, *, by_arrival: bool = False
) -> Page:
    """One page of the history, newest first: by the events' times, or by their arrival."""

    def place(row: Row[Any], newer: bool) -> Cursor:
        return Cursor(UUID(row.id), newer, row.arrival if by_arrival else None)

    query = (arrivals_query if by_arrival else page_query)(wanted, cursor, limit)
    found = (await connection.execute(query)).all()
    return Page(*page_of(found, cursor, limit, place))


async def one(connection: AsyncConnection, identifier: UUID) -> RowMapping | None:
    """The signal with this id; None if there is none."""
    when = time_range_of(identifier)
    if when is None:
        return None
    query = select(signals).where(
        signals.c.id == identifier, signals.c.event_time >= when[0], signals.c.event_time < when[1]
    )
    return (await connection.execute(query)).mappings().first()
