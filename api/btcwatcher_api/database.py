"""How the API's processes connect to Postgres, each connection with its name and its time limits."""

import contextlib
import os
import socket
from typing import Any, Final

import psycopg

APPLICATION: Final = "btcwatcher-api"
CONNECT_SECONDS: Final = 3

KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


def break_connection(connection: psycopg.AsyncConnection[Any]) -> None:
    """Shut the socket under the driver, which then raises: a server that hangs is not heard of by TCP."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as raw:
        raw.shutdown(socket.SHUT_RDWR)


def first_line(error: BaseException) -> str:
    """The message without DETAIL, which can quote a row."""
    diagnosis: Any = getattr(error, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    return str(primary or str(error).split("\n", 1)[0] or type(error).__name__)


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
        **KEEPALIVE,
    )


async def listening_connection(database_url: str) -> psycopg.AsyncConnection:
    """One connection that hears notifications. Raises psycopg.OperationalError."""
    return await psycopg.AsyncConnection.connect(
        database_url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=f"{APPLICATION} live",
        **KEEPALIVE,
    )
