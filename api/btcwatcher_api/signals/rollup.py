"""Counts of signals by the hour, so that statistics need not read every row.

Not the hours that are over are rolled up, but the signals that have arrived: all whose arrival lies below a mark are in
`signal_hours`, and no other is. Whoever counts adds those at and above the mark, and both are told by one snapshot; so
the sum is exact at any moment, and a signal that comes late, or is recovered, needs no hour to be rolled up anew.
"""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Column, ColumnElement, DateTime, Integer, Table, Text, and_, func, literal_column, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from btcwatcher_api import logs
from btcwatcher_api.signals.table import metadata, signals
from btcwatcher_api.signals.types import SignalType

_log = logs.get("btcwatcher_api.rollup")

HOUR: Final = timedelta(hours=1)
ALL: Final = ""
"""Stands for namespace and Strategy in the rows that count the signals of all of them."""
_LOCK: Final = 0x6274_6377_726F_6C6C
"""Advisory lock of the roll-up ("btcwroll")."""
_EVERY_SECONDS: Final = 15.0
_PATIENCE: Final = "SET LOCAL statement_timeout = '15min'"
"""The first time a large table is counted takes longer than what other writers may."""

signal_hours: Final = Table(
    "signal_hours",
    metadata,
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("strategy", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("total", Integer, nullable=False),
    Column("recovered", Integer, nullable=False),
    Column("winning", Integer, nullable=False),
    Column("losing", Integer, nullable=False),
)

# Said as a literal: the index holds only such rows, and a parameter would hide that from the planner.
_NUMBERED: Final[ColumnElement[bool]] = signals.c.arrival > literal_column("0")

_STATE: Final = text(
    "SELECT below, signal_arrival(pg_snapshot_xmin(pg_current_snapshot())) AS settled FROM signal_rollup"
)
_FILLED: Final = f"type = '{SignalType.EXIT_FILL.value}'"
_ADD: Final = text(
    "INSERT INTO signal_hours AS h"  # noqa: S608 - a constant
    " SELECT hour, coalesce(namespace, ''), coalesce(strategy, ''), type, coalesce(level, ''), count(*),"
    " count(*) FILTER (WHERE recovered),"
    f" count(*) FILTER (WHERE {_FILLED} AND profit_ratio > 0),"
    f" count(*) FILTER (WHERE {_FILLED} AND profit_ratio < 0)"
    " FROM (SELECT date_trunc('hour', event_time, 'UTC') AS hour, namespace, strategy, type, level, recovered,"
    " profit_ratio FROM signals WHERE arrival > 0 AND arrival >= :below AND arrival < :settled) AS arrived"
    " GROUP BY GROUPING SETS ((hour, namespace, strategy, type, level), (hour, type, level))"
    " ON CONFLICT (hour, namespace, strategy, type, level) DO UPDATE SET total = h.total + excluded.total,"
    " recovered = h.recovered + excluded.recovered, winning = h.winning + excluded.winning,"
    " losing = h.losing + excluded.losing"
)
_MOVE: Final = text("UPDATE signal_rollup SET below = :settled")


class Stretch(NamedTuple):
    """The whole hours in a stretch of time."""

    begin: datetime
    end: datetime


def whole_hours(since: datetime, until: datetime) -> Stretch | None:
    """None if there is none. Times are aware; hours are UTC's."""
    begin, end = _hour_of(since), _hour_of(until)
    if begin < since and begin < end:
        begin += HOUR
    return Stretch(begin, end) if begin < end else None


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


async def mark(connection: AsyncConnection) -> int:
    """How far the roll-up has come, in a transaction that sees all it reads as of this moment.

    Read beforehand and not by the statement that counts: from a number the planner sees that little lies above it.
    Ends the transaction under way.
    """
    await connection.rollback()
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    return int((await connection.execute(text("SELECT below FROM signal_rollup"))).scalar_one())


def rolled_up(below: int) -> ColumnElement[bool]:
    """Signals that are in signal_hours."""
    return signals.c.arrival < below


def not_rolled_up(below: int) -> ColumnElement[bool]:
    """Those that are not yet."""
    return and_(_NUMBERED, signals.c.arrival >= below)


async def roll_up(engine: AsyncEngine) -> bool:
    """Add what has arrived and is settled; False if somebody else is at it. Safe to run by many at once."""
    async with engine.begin() as connection:
        locked = (await connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK)))).scalar_one()
        if not locked:
            return False
        await connection.execute(text(_PATIENCE))
        # Looked at with the lock held, so what another has moved is seen.
        state = (await connection.execute(_STATE)).one()
        if state.settled > state.below:
            bounds = {"below": state.below, "settled": state.settled}
            await connection.execute(_ADD, bounds)
            await connection.execute(_MOVE, bounds)
    return True


async def keep_rolled_up(engine: AsyncEngine) -> None:
    """For ever. Any number of replicas may do so."""
    failing = False
    while True:
        try:
            await roll_up(engine)
            failing = False
        except (SQLAlchemyError, OSError) as error:
            # Statistics stay exact without it, only slower.
            if not failing:
                _log.warning("signals cannot be rolled up", reason=type(error).__name__)
            failing = True
        await asyncio.sleep(_EVERY_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
