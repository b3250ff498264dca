"""A connection to Postgres of a task's own: opened when it is needed, and opened anew after any failure."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg

from btcwatcher_api.database import break_connection, first_line
from btcwatcher_api.schema import SchemaError, check_revision, current_revision

Connect = Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]


class Away(Exception):  # noqa: N818
    """Postgres does not answer. Whether what was under way is committed is unknown."""


class RowsRefused(Exception):  # noqa: N818
    """Postgres does not take what was to be written, and would not if it was tried again. Nothing was written."""


class OwnConnection:
    """Tasks of one event loop take turns."""

    def __init__(self, connect: Connect, *, patience: float = 10.0) -> None:
        self._connect = connect
        self._patience = patience
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Committed at the end. Raises Away (also when the schema is not this code's) and RowsRefused."""
        async with self._turn:
            connection = await self._ready()
            # A server that hangs is not heard of by TCP: break the connection under the driver, which then raises.
            alarm = asyncio.get_running_loop().call_later(self._patience, break_connection, connection)
            try:
                async with connection.transaction():
                    yield connection
            except psycopg.Error as error:
                if isinstance(error, psycopg.DataError | psycopg.IntegrityError) and not connection.broken:
                    raise RowsRefused(first_line(error)) from error
                await self._forget()
                raise Away(first_line(error)) from error
            except (Away, RowsRefused):
                raise
            except BaseException:
                # A cancelled statement leaves the connection in a state that nobody knows.
                await self._forget()
                raise
            finally:
                alarm.cancel()

    async def close(self) -> None:
        async with self._turn:
            await self._forget()

    async def _ready(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None:
            try:
                connection = await self._connect()
            except (psycopg.Error, OSError) as error:
                raise Away(first_line(error)) from error
            try:
                check_revision(await current_revision(connection))
            except SchemaError as error:
                await connection.close()
                raise Away(str(error)) from error
            except psycopg.Error as error:
                await connection.close()
                raise Away(first_line(error)) from error
            self._connection = connection
        return self._connection

    async def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()
