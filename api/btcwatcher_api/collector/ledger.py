"""The collector's one connection to Postgres: who is the active one, which fills have a signal, and filling in.

The connection holds an advisory lock; who has it visits the bots. Losing the connection loses the lock, and both are
noticed by the next statement. Should two believe for a moment that they are active, nothing is doubled: what is missing
is decided again under a lock on the table, and the same order makes the same row.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

import msgspec
import psycopg
from psycopg import errors

from btcwatcher_api.collector.fills import Fill
from btcwatcher_api.collector.matching import StoredFill, missing
from btcwatcher_api.collector.rows import recovered_row
from btcwatcher_api.database import break_connection, first_line
from btcwatcher_api.notifications.router import Router
from btcwatcher_api.schema import SchemaError, check_revision, current_revision
from btcwatcher_api.signals.dedup import first_id_at
from btcwatcher_api.signals.types import SignalType
from btcwatcher_api.signals.writer import INSERT_RECOVERED
from btcwatcher_api.strategies.registry import KnownStrategy

_ACTIVE: Final = 0x6274_6377_636F_6C6C
"""Advisory lock of the active collector ("btcwcoll")."""
_LOCK_WAIT: Final = "500ms"
_CLOCKS_DIFFER: Final = timedelta(hours=1)
_LATE_WEBHOOKS: Final = timedelta(days=3)
"""How long a webhook is known as one whose fill was recovered; no sender goes on trying longer."""
_MOST_ROWS: Final = 500

# Every writer of signals takes its lock on the table before its statement looks at anything, so it sees what is
# committed here, and we see what it has committed: in no order can both miss each other. Readers are not held up.
_HOLD_WRITERS: Final = "LOCK TABLE ONLY signals IN SHARE ROW EXCLUSIVE MODE"

_FILL_TYPES: Final = [str(SignalType.ENTRY_FILL), str(SignalType.EXIT_FILL)]
_STORED: Final = (
    "SELECT type, trade_id, trade_opened_at, price, amount FROM signals"
    " WHERE namespace = %s AND strategy = %s AND id >= %s AND event_time >= %s AND type = ANY(%s)"
    " AND trade_id = ANY(%s) AND trade_opened_at IS NOT NULL"
)


class LedgerAway(Exception):  # noqa: N818
    """Postgres cannot be reached, or the connection that made us the active one is lost."""


class LedgerBusy(Exception):  # noqa: N818
    """Somebody holds the table; nothing was written, the next visit tries again."""


class FillsRefused(Exception):  # noqa: N818
    """Postgres does not take a row; nothing was written, and trying again gives the same."""


class Ledger:
    """Safe for concurrent use by tasks of one event loop: they take turns."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[psycopg.AsyncConnection]],
        router: Router,
        *,
        notify_within: timedelta,
        patience: float = 10.0,
    ) -> None:
        self._connect = connect
        self._router = router
        self._notify_within = notify_within
        self._patience = patience
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def lead(self) -> bool:
        """Try to become the active collector. Raises LedgerAway, and SchemaError when `migrate` has to run first."""
        async with self._turn:
            if self._connection is None:
                try:
                    self._connection = await self._connect()
                except (psycopg.Error, OSError) as error:
                    raise LedgerAway(first_line(error)) from error
            async with self._guarded() as connection:
                check_revision(await current_revision(connection))
                cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_ACTIVE,))
                row = await cursor.fetchone()
        return bool(row and row[0])

    async def still_leads(self) -> None:
        """Raises LedgerAway once the connection, and with it the lock, is lost."""
        async with self._turn, self._guarded() as connection:
            await connection.execute("SELECT 1")

    async def forget_old(self) -> None:
        """Remove notes of recovered fills whose webhook will not come any more. Raises LedgerAway."""
        async with self._turn, self._guarded() as connection:
            await connection.execute(
                "DELETE FROM recovered_fills WHERE recovered_at < %s", (datetime.now(UTC) - _LATE_WEBHOOKS,)
            )

    async def note(self, statement: LiteralString, values: Mapping[str, Any]) -> None:
        """Carry out one small statement, as the active collector. Raises LedgerAway, LedgerBusy and FillsRefused."""
        async with self._turn, self._guarded() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
            await connection.execute(statement, values)

    async def read(self, statement: LiteralString, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one small question. Raises LedgerAway."""
        async with self._turn, self._guarded() as connection:
            return await (await connection.execute(statement, values)).fetchall()

    async def missing(self, strategy: KnownStrategy, fills: Sequence[Fill]) -> list[Fill]:
        """Those without a signal. `fills` are all fills of their trades. Raises LedgerAway."""
        async with self._turn, self._guarded() as connection:
            return missing(fills, await _stored(connection, strategy, fills))

    async def fill_in(
        self, strategy: KnownStrategy, fills: Sequence[Fill], wanted: Callable[[Fill], bool]
    ) -> list[Fill]:
        """Write a signal for each of these fills that is `wanted` and still has none; returns those written.

        Raises LedgerAway (they may be written: ask again), LedgerBusy and FillsRefused.
        """
        # Two round trips in all, one of them under the lock: writers of signals wait meanwhile.
        async with self._turn, self._guarded() as connection, connection.pipeline(), connection.transaction():
            # Whoever waits for this lock makes every writer wait behind it: not for long.
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
            await connection.execute(_HOLD_WRITERS)
            now = datetime.now(UTC)
            gone = [fill for fill in missing(fills, await _stored(connection, strategy, fills)) if wanted(fill)]
            for begin in range(0, len(gone), _MOST_ROWS):
                rows = [
                    recovered_row(strategy, fill, now, self._router.of(strategy), self._notify_within)
                    for fill in gone[begin:][:_MOST_ROWS]
                ]
                await connection.execute(INSERT_RECOVERED, (msgspec.json.encode(rows).decode(),))
            return gone

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    @contextlib.asynccontextmanager
    async def _guarded(self) -> AsyncIterator[psycopg.AsyncConnection]:
        connection = self._connection
        if connection is None:
            raise LedgerAway("the connection was lost")
        # A server that hangs is not heard of by TCP: break the connection under the driver, which then raises.
        alarm = asyncio.get_running_loop().call_later(self._patience, break_connection, connection)
        try:
            yield connection
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            raise LedgerBusy(first_line(error)) from error
        except (errors.DataError, errors.IntegrityError) as error:
            raise FillsRefused(first_line(error)) from error
        except SchemaError:
            await self.close()
            raise
        except (psycopg.Error, OSError) as error:
            await self.close()
            raise LedgerAway(first_line(error)) from error
        except BaseException:
            await self.close()
            raise
        finally:
            alarm.cancel()


async def _stored(
    connection: psycopg.AsyncConnection, strategy: KnownStrategy, fills: Sequence[Fill]
) -> list[StoredFill]:
    if not fills:
        return []
    since = min(fill.opened_at for fill in fills) - _CLOCKS_DIFFER
    trades = list({fill.trade_id for fill in fills})
    cursor = await connection.execute(
        _STORED, (strategy.namespace, strategy.name, first_id_at(since), since, _FILL_TYPES, trades)
    )
    return [StoredFill(*row) for row in await cursor.fetchall()]
