"""What is old goes: whole partitions are dropped, and from what has no partition for each month rows are deleted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from btcwatcher_api.tables.partitions import LOCK, LOCK_WAIT, month_after

_MARGIN: Final = timedelta(days=1)
"""Clocks of replicas differ: what one of them still takes in, none drops."""
_CHUNK: Final = 5000
_MONTHLY: Final = re.compile(r"(?P<table>[a-z_]+)_(?P<year>\d{4})_(?P<month>\d{2})")
_PENDING: Final = sql.SQL("state = 'Pending'")
_AWAITED: Final = sql.SQL("EXISTS (SELECT FROM deliveries d WHERE d.subject_id = notices.id AND d.state = 'Pending')")
_NONE: Final = sql.SQL("false")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept, by table."""

    signals: timedelta
    deliveries: timedelta
    """Also of the attempts to make them, and of notices: alerts and messages by hand."""
    audit_log: timedelta
    statistics: timedelta
    """Of the hourly counts; they outlive the signals they count."""
    capacity: timedelta
    """How full the platform was."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table, the time that tells a row's age, for how long, and which rows are kept beyond that."""

    table: str
    time: str
    length: timedelta
    beyond: sql.SQL


def month_of(partition: str, table: str) -> datetime | None:
    """The month that a partition of `table` holds; None for the default one, and for what is none of ours."""
    match = _MONTHLY.fullmatch(partition)
    if match is None or match["table"] != table or not 1 <= int(match["month"]) <= 12:
        return None
    return datetime(int(match["year"]), int(match["month"]), 1, tzinfo=UTC)


def expired(partitions: Iterable[str], table: str, kept: timedelta, now: datetime) -> list[str]:
    """Those that hold nothing but rows older than `kept`, the oldest first."""
    ends = {name: month_after(month) for name in partitions if (month := month_of(name, table)) is not None}
    return sorted(name for name, end in ends.items() if end <= now - kept - _MARGIN)


def drop_old(connection: psycopg.Connection[Any], retention: Retention, now: datetime | None = None) -> list[str]:
    """Drop what is old; returns the partitions dropped. Safe to run by many at once, in autocommit.

    A delivery that is still to be sent keeps its partition, and its notice. Raises psycopg.errors.LockNotAvailable
    when a table is too busy for the moment that dropping takes.
    """
    moment = now or datetime.now(UTC)
    partitioned = (
        _Kept("signals", "event_time", retention.signals, _NONE),
        _Kept("deliveries", "created_at", retention.deliveries, _PENDING),
        _Kept("delivery_attempts", "started_at", retention.deliveries, _NONE),
    )
    dropped = []
    for one in partitioned:
        names = [name for (name,) in connection.execute(_PARTITIONS, (one.table,)).fetchall()]
        dropped += [
            name for name in expired(names, one.table, one.length, moment) if _drop(connection, name, one.beyond)
        ]
        _delete(connection, f"{one.table}_default", one, moment)
    _delete(connection, "signal_hours", _Kept("signal_hours", "hour", retention.statistics, _NONE), moment)
    _delete(connection, "capacity_history", _Kept("capacity_history", "at", retention.capacity, _NONE), moment)
    _delete(connection, "open_trades_said", _Kept("open_trades_said", "at", retention.signals, _NONE), moment)
    _delete(connection, "notices", _Kept("notices", "created_at", retention.deliveries, _AWAITED), moment)
    _delete(connection, "audit_log", _Kept("audit_log", "at", retention.audit_log, _NONE), moment)
    return dropped


_PARTITIONS: Final = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(%s)"
)


def _drop(connection: psycopg.Connection[Any], name: str, beyond: sql.SQL) -> bool:
    partition = sql.Identifier(name)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        row = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
        if row is None or row[0] is None:
            return False
        # Dropping waits for every reader of the whole table and makes writers wait behind it: not for long.
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_WAIT)))
        needed = connection.execute(
            sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(partition, beyond)
        ).fetchone()
        if needed is None or needed[0]:
            return False
        connection.execute(sql.SQL("DROP TABLE {}").format(partition))
    return True


def _delete(connection: psycopg.Connection[Any], table: str, kept: _Kept, now: datetime) -> None:
    """In pieces, so that no transaction is long."""
    statement = sql.SQL(
        "DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE {time} < %s AND NOT ({beyond}) LIMIT %s)"
    ).format(table=sql.Identifier(table), time=sql.Identifier(kept.time), beyond=kept.beyond)
    while connection.execute(statement, (now - kept.length - _MARGIN, _CHUNK)).rowcount == _CHUNK:
        pass
