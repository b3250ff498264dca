"""Pools of connections for what is asked with SQLAlchemy: the REST API's reading, and what people change."""

import time
from typing import Final

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from btcwatcher_api.database import APPLICATION, CONNECT_SECONDS, KEEPALIVE

_IDLE_SECONDS: Final = 1.0


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
            **KEEPALIVE,
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
            **KEEPALIVE,
        },
    )
