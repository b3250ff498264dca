"""Monthly partitions, made before they are needed.

A row that came before its partition lies in the default one; making the partition moves it over in one transaction.
"""

from datetime import UTC, datetime
from itertools import product
from typing import Any, Final

import psycopg
from psycopg import sql

LOCK: Final = 0x6274_6377_7061_7274
"""Advisory lock of making and dropping partitions ("btcwpart")."""
_TABLES: Final = {"signals": "event_time", "deliveries": "created_at", "delivery_attempts": "started_at"}
"""Each partitioned table and the time that it is partitioned by."""
LOCK_WAIT: Final = "2s"


def month_after(month: datetime) -> datetime:
    """The first moment of the next month."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def months(now: datetime, ahead: int) -> list[datetime]:
    """The first moments of the month before `now` (late arrivals), of this one, and of `ahead` more."""
    this = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = this.replace(year=this.year - (this.month == 1), month=(this.month - 2) % 12 + 1)
    result = [before]
    for _ in range(ahead + 1):
        result.append(month_after(result[-1]))
    return result


def partition_name(table: str, month: datetime) -> str:
    return f"{table}_{month:%Y_%m}"


def make_ahead(connection: psycopg.Connection[Any], ahead: int, now: datetime | None = None) -> list[str]:
    """Make what is missing, in one transaction each; returns the names made. Safe to run by many at once.

    Raises psycopg.errors.LockNotAvailable when the table is too busy for the moment that attaching takes.
    """
    made = []
    for table, month in product(_TABLES, months(now or datetime.now(UTC), ahead)):
        name = partition_name(table, month)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            row = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
            if row is not None and row[0] is None:
                # Attaching waits for every reader of the table and makes writers wait behind it: not for long.
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_WAIT)))
                _make(connection, table, name, month, month_after(month))
                made.append(name)
    return made


def _make(connection: psycopg.Connection[Any], table: str, name: str, begin: datetime, end: datetime) -> None:
    whole, partition, default = sql.Identifier(table), sql.Identifier(name), sql.Identifier(f"{table}_default")
    bounds = {"time": sql.Identifier(_TABLES[table]), "begin": sql.Literal(begin), "end": sql.Literal(end)}
    # First the whole table, then the default partition: the order in which inserts lock them, so none deadlocks.
    connection.execute(sql.SQL("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE").format(whole))
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(default))
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(partition, whole))
    connection.execute(
        sql.SQL(
            "WITH moved AS (DELETE FROM {default} WHERE {time} >= {begin} AND {time} < {end} RETURNING *) "
            "INSERT INTO {partition} SELECT * FROM moved"
        ).format(default=default, partition=partition, **bounds)
    )
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({begin}) TO ({end})").format(
            whole, partition, **bounds
        )
    )
