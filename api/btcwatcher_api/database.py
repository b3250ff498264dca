"""How the API reaches Postgres, and whether the schema there is the one this code was written for."""

import contextlib
import os
import socket
import time
from functools import cache
from typing import Any, Final

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

APPLICATION: Final = "btcwatcher-api"
CONNECT_SECONDS: Final = 3
_IDLE_SECONDS: Final = 1.0
VERSION_TABLE: Final = "alembic_version"

_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


class SchemaError(Exception):
    """The schema is missing or older than this code; the message says what to run."""


def break_connection(connection: psycopg.AsyncConnection[Any]) -> None:
    """Shut the socket under the driver, which then raises: a server that hangs is not heard of by TCP."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as raw:
        raw.shutdown(socket.SHUT_RDWR)


def first_line(error: BaseException) -> str:
    """The message without DETAIL, which can quote a row."""
    diagnosis: Any = getattr(error, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    return str(primary or str(error).split("\n", 1)[0] or type(error).__name__)


def sqlalchemy_url(database_url: str) -> URL:
    """The URL with psycopg as driver."""
    return make_url(database_url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")


def reading_engine(database_url: str, *, size: int, most: int, timeout: float) -> AsyncEngine:
    """A pool whose sessions cannot write. `timeout` in seconds ends a statement."""
    engine = create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=size,
        max_overflow=most - size,
        pool_timeout=5,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": f"{APPLICATION} read",
            "options": "-c timezone=UTC -c default_transaction_read_only=on"
            f" -c statement_timeout={int(timeout * 1000)}",
            **_KEEPALIVE,
        },
    )
    _ping_what_was_idle(engine)
    return engine


def _ping_what_was_idle(engine: AsyncEngine) -> None:
    """Look whether a pooled connection still works only if it was idle: a ping before each read costs as much as it."""
    idle_since: Final = "idle_since"

    def on_checkin(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[idle_since] = time.monotonic()

    def on_checkout(connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        if time.monotonic() - record.info.get(idle_since, 0.0) < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            raise DisconnectionError from error

    event.listen(engine.sync_engine, "checkin", on_checkin)
    event.listen(engine.sync_engine, "checkout", on_checkout)


def writing_engine(database_url: str, *, most: int, timeout: float) -> AsyncEngine:
    """A small pool for what people change: accounts and the audit log. It connects when first used."""
    return create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=1,
        max_overflow=most - 1,
        pool_timeout=5,
        pool_recycle=1800,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": f"{APPLICATION} write",
            "options": f"-c statement_timeout={int(timeout * 1000)}",
            **_KEEPALIVE,
        },
    )


async def writing_connection(database_url: str, *, statement_seconds: float) -> psycopg.AsyncConnection:
    """One connection for the batcher, in autocommit. Raises psycopg.OperationalError."""
    return await _own_connection(database_url, "ingest", statement_seconds)


async def collecting_connection(database_url: str, *, statement_seconds: float) -> psycopg.AsyncConnection:
    """The collector's, in autocommit; it holds a lock as long as it lives. Raises psycopg.OperationalError."""
    return await _own_connection(database_url, "collect", statement_seconds)


async def notifying_connection(database_url: str, *, statement_seconds: float) -> psycopg.AsyncConnection:
    """One of a notification worker's, in autocommit. Raises psycopg.OperationalError.

    All that it does is to find a few rows by an index; a planner that knows nothing yet of the rows of a new month, or
    of those that a statement brings along, would rather read whole tables.
    """
    planner = " ".join(f"-c enable_{way}=off" for way in ("seqscan", "hashjoin", "mergejoin"))
    return await _own_connection(database_url, "notify", statement_seconds, f" {planner} -c jit=off -c timezone=UTC")


async def _own_connection(
    database_url: str, purpose: str, statement_seconds: float, options: str = ""
) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(
        database_url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=f"{APPLICATION} {purpose}",
        options=(
            f"-c statement_timeout={int(statement_seconds * 1000)}"
            f" -c idle_in_transaction_session_timeout={int(statement_seconds * 1000)}{options}"
        ),
        **_KEEPALIVE,
    )


async def listening_connection(database_url: str) -> psycopg.AsyncConnection:
    """One connection that hears notifications. Raises psycopg.OperationalError."""
    return await psycopg.AsyncConnection.connect(
        database_url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=f"{APPLICATION} live",
        **_KEEPALIVE,
    )


def alembic_config(database_url: str | None = None) -> Config:
    """Alembic's configuration: the migrations that this package carries."""
    config = Config()
    config.set_main_option("script_location", "btcwatcher_api:migrations")
    config.attributes["database_url"] = database_url
    return config


def check_revision(current: str | None) -> None:
    """Raises SchemaError unless `current` is this code's schema or a newer one (during a rolling upgrade)."""
    if current is None:
        raise SchemaError("the database has no schema yet: run `btcwatcher-api migrate`")
    head, known = _revisions()
    if current in known and current != head:
        raise SchemaError(
            f"the database's schema is {current}, this version needs {head}: run `btcwatcher-api migrate`"
        )


def is_known(revision: str) -> bool:
    """Whether this code has the migration; one that it has not is of a newer version."""
    return revision in _revisions()[1]


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    """The head, and all. Read once a process: every new connection asks, and reading them takes the loop's time."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


_CURRENT = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))


def migrated_to(connection: psycopg.Connection) -> str | None:
    """The schema's revision; None where nothing was ever migrated."""
    try:
        row = connection.execute(_CURRENT).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


async def current_revision(connection: psycopg.AsyncConnection) -> str | None:
    """The schema's revision; None where nothing was ever migrated."""
    try:
        cursor = await connection.execute(_CURRENT)
    except psycopg.errors.UndefinedTable:
        return None
    row = await cursor.fetchone()
    return None if row is None else str(row[0])
