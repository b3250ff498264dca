"""The order in which signals arrive, safe to follow: whoever has read up to a place has missed nothing before it.

The order of the events' times is not: a late signal lies among older ones, and of two that are written at once the
later may be committed first. A signal's `arrival` is the number of its transaction. A reader takes only what lies below
the oldest transaction still under way (`settled`): of those all have ended, so nothing more can come there.
"""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.signals.cursor import Position
from btcwatcher_api.signals.filters import Filter, conditions
from btcwatcher_api.signals.table import listed, signals

BEGINNING: Final = Position(0, UUID(int=0))
"""Before everything."""
CHANNEL: Final = "btcwatcher_signals"
"""What a commit of signals notifies, with their arrival as the payload."""

_HORIZON: Final[ColumnElement[int]] = func.signal_arrival(func.pg_snapshot_xmin(func.pg_current_snapshot()))
# Said as a literal: the index holds only such rows, and a parameter would hide that from the planner.
_NUMBERED: Final = signals.c.arrival > literal_column("0")


def settled() -> ColumnElement[bool]:
    """Rows whose place in the order is final. The horizon is that of the statement's own snapshot."""
    return and_(_NUMBERED, signals.c.arrival < _HORIZON)


def after(position: Position) -> ColumnElement[bool]:
    columns = signals.c
    return and_(columns.arrival >= position.arrival, or_(columns.arrival > position.arrival, columns.id > position.id))


def before(position: Position) -> ColumnElement[bool]:
    columns = signals.c
    return and_(columns.arrival <= position.arrival, or_(columns.arrival < position.arrival, columns.id < position.id))


def up_to(position: Position) -> ColumnElement[bool]:
    columns = signals.c
    return and_(columns.arrival <= position.arrival, or_(columns.arrival < position.arrival, columns.id <= position.id))


async def latest(connection: AsyncConnection) -> Position:
    """The last settled place that a signal has; BEGINNING where there is none.

    A signal's and not the horizon itself: after a crash Postgres may give a number again that no commit had.
    """
    columns = signals.c
    query = (
        select(columns.arrival, columns.id)
        .where(settled())
        .order_by(columns.arrival.desc(), columns.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return BEGINNING if row is None else Position(row.arrival, row.id)


async def horizon(connection: AsyncConnection) -> int:
    """All arrivals below this are final."""
    return int((await connection.execute(select(_HORIZON))).scalar_one())


async def arrived(
    connection: AsyncConnection, wanted: Filter, begin: Position, end: Position | None, limit: int
) -> list[RowMapping]:
    """Settled signals after `begin`, up to `end`, in the order of their arrival."""
    return list((await connection.execute(_arrived(wanted, begin, end, limit))).mappings())


def _arrived(wanted: Filter, begin: Position, end: Position | None, limit: int) -> Select[Any]:
    query = select(*listed).where(*conditions(wanted), after(begin), settled())
    if end is not None:
        query = query.where(up_to(end))
    return query.order_by(signals.c.arrival, signals.c.id).limit(limit)


def position_of_row(row: RowMapping) -> Position:
    return Position(row["arrival"], row["id"])
