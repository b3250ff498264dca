"""Being told of new deliveries the moment they are committed."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
from psycopg import sql

from btcwatcher_api import logs
from btcwatcher_api.signals import arrival

_log = logs.get("btcwatcher_api.worker")

NOTICES: Final = "btcwatcher_notices"
"""What a commit of notices, or of deliveries to be tried again, notifies."""
_LISTEN: Final = sql.SQL("; ").join(
    sql.SQL("LISTEN {}").format(sql.Identifier(channel)) for channel in (arrival.CHANNEL, NOTICES)
)
_CHECK_SECONDS: Final = 30.0
_FIRST_BACKOFF: Final = 0.2
_LAST_BACKOFF: Final = 5.0


async def listen(connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]], wake: Callable[[], None]) -> None:
    """Until cancelled. While the connection is away the lanes look by themselves, each second."""
    backoff = _FIRST_BACKOFF
    while True:
        with contextlib.suppress(psycopg.Error, OSError):
            async with await connect() as connection:
                await connection.execute(_LISTEN)
                backoff = _FIRST_BACKOFF
                wake()
                while True:
                    async for _ in connection.notifies(timeout=_CHECK_SECONDS):
                        wake()
                    await connection.execute("SELECT 1")
        _log.info("notifications of new deliveries are not heard, looking each second instead")
        await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
        backoff = min(backoff * 2, _LAST_BACKOFF)
