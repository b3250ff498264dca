"""Writes batches of signals and the deliveries they cause: one statement, one parameter, committed as it returns."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

import psycopg
from psycopg import errors

from btcwatcher_api.database import break_connection, first_line
from btcwatcher_api.schema import SchemaError, check_revision, current_revision
from btcwatcher_api.signals.arrival import CHANNEL

_COLUMNS: Final = {
    "id": "uuid",
    "event_time": "timestamptz",
    "received_at": "timestamptz",
    "event_key": "bytea",
    "dated": "boolean",
    "order_key": "text",
    "namespace": "text",
    "strategy": "text",
    "source": "text",
    "type": "text",
    "pair": "text",
    "direction": "text",
    "trade_id": "text",
    "trade_opened_at": "timestamptz",
    "sub_trade": "boolean",
    "price": "numeric",
    "amount": "numeric",
    "stake": "numeric",
    "stake_currency": "text",
    "profit_ratio": "numeric",
    "profit_amount": "numeric",
    "enter_tag": "text",
    "exit_reason": "text",
    "message": "text",
    "strength": "numeric",
    "level": "text",
    "priority": "smallint",
    "recovered": "boolean",
    "payload": "jsonb",
}

_INCOMING: Final = (
    "WITH incoming AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(%s::jsonb) AS i("  # noqa: S608 - names of ours
    + ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    + ", seek_from timestamptz, channels text[]))"
)
_STORED: Final = (
    f", stored AS (INSERT INTO signals ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of ours
    f"SELECT {', '.join(f'i.{name}' for name in _COLUMNS)} FROM incoming i"
)
_ON_CONFLICT: Final = " ON CONFLICT DO NOTHING RETURNING id)"
_TOLD: Final = (
    ", told AS (INSERT INTO deliveries"
    " (subject_id, strategy, channel_namespace, channel, created_at, priority, next_attempt_at)"
    " SELECT i.id, i.namespace || '.' || i.strategy, split_part(channel, '/', 1), split_part(channel, '/', 2),"
    " i.received_at, i.priority, i.received_at"
    " FROM stored JOIN incoming i USING (id), unnest(i.channels) AS channel)"
)
"""The outbox: a delivery for each channel of each signal that is new, or none if the signals are not committed."""
_RETURN: Final = f" SELECT id, (SELECT pg_notify('{CHANNEL}', signal_arrival(pg_current_xact_id())::text)) FROM stored"  # noqa: S608
"""Whoever follows the signals is told once a commit, if anything in it is new."""
_THE_FILL: Final = (
    "f.namespace = i.namespace AND f.strategy = i.strategy AND f.trade_id = i.trade_id AND f.type = i.type"
    " AND f.opened_at = date_trunc('second', i.trade_opened_at) AND f.price = i.price"
)
_NOT_RECOVERED: Final = f" WHERE (SELECT f.signal_id FROM recovered_fills f WHERE {_THE_FILL} LIMIT 1) IS NULL"  # noqa: S608
"""A webhook that comes after its fill was taken from the bot's own trades is no second event. Not as NOT EXISTS, which
Postgres would make a join of and read all notes for: thousands, after an outage."""
_SEEK: Final = (
    " AND (i.seek_from IS NULL OR NOT EXISTS (SELECT 1 FROM signals s WHERE NOT s.dated"
    " AND s.event_key = i.event_key AND s.event_time >= i.seek_from))"
)
_NOTED: Final = (
    ", noted AS (INSERT INTO recovered_fills"
    " (namespace, strategy, trade_id, type, opened_at, price, signal_id, recovered_at)"
    " SELECT i.namespace, i.strategy, i.trade_id, i.type, date_trunc('second', i.trade_opened_at), i.price, i.id,"
    " i.received_at FROM stored JOIN incoming i USING (id) ON CONFLICT DO NOTHING)"
)

INSERT_DATED: Final = _INCOMING + _STORED + _NOT_RECOVERED + _ON_CONFLICT + _TOLD + _RETURN
"""All events state their time: the primary key alone tells retries."""

INSERT_MIXED: Final = _INCOMING + _STORED + _NOT_RECOVERED + _SEEK + _ON_CONFLICT + _TOLD + _RETURN
"""Some do not: their key is sought first, under a lock on the key, for a commit on another replica may be under way."""

INSERT_RECOVERED: Final = _INCOMING + _STORED + _ON_CONFLICT + _TOLD + _NOTED + _RETURN
"""Fills that the collector found at the bots, noted so that their webhooks are known should they come after all."""

_LOCK_KEYS: Final = "SELECT count(pg_advisory_xact_lock(%s, key)) FROM unnest(%s::int[]) AS key"
_LOCK_CLASS: Final = 0x6274_6377
_FIND: Final = (
    "SELECT DISTINCT ON (event_key) event_key, id FROM signals WHERE NOT dated AND event_key = ANY(%s)"
    " AND event_time >= %s ORDER BY event_key, event_time DESC"
)
_FIND_RECOVERED: Final = (
    f"{_INCOMING} SELECT DISTINCT ON (i.id) i.id, f.signal_id FROM incoming i"  # noqa: S608 - names of ours
    f" JOIN recovered_fills f ON {_THE_FILL} ORDER BY i.id, f.recovered_at"
)

_T = TypeVar("_T")

# SQLSTATE classes that blame the rows; all others blame the server, the connection or the schema.
_ROW_CLASSES: Final = frozenset({"22", "23", "54"})


class Unavailable(Exception):  # noqa: N818
    """Postgres cannot be written to right now; whether the batch is committed is unknown, and trying again is safe."""


class WrongSchema(Unavailable):
    """Postgres is there, but its schema is not this code's; the message says what to run."""


class RowsRefused(Exception):  # noqa: N818
    """Postgres refuses at least one row of the batch; none of it is committed."""


@dataclass(frozen=True, slots=True)
class NewSignal:
    """One row on its way, encoded."""

    id: UUID
    key: bytes
    seek_from: datetime | None
    row: bytes


class Stored(NamedTuple):
    """Where a signal lies: `new` is False for a retry, whose id is that of the row it came first with."""

    id: UUID
    new: bool


class SignalWriter:
    """Owns one connection, opened when first needed and opened again after any failure. Not for concurrent use."""

    def __init__(self, connect: Callable[[], Awaitable[psycopg.AsyncConnection]], *, patience: float = 10.0) -> None:
        self._connect = connect
        self._patience = patience
        self._connection: psycopg.AsyncConnection | None = None

    async def ready(self) -> None:
        """Connect if need be. Raises Unavailable, also when the schema is not this code's."""
        if self._connection is not None:
            return
        try:
            connection = await self._connect()
        except (psycopg.Error, OSError) as error:
            raise Unavailable(f"cannot connect ({first_line(error)})") from error
        try:
            check_revision(await current_revision(connection))
        except SchemaError as error:
            await connection.close()
            raise WrongSchema(str(error)) from error
        except psycopg.Error as error:
            await connection.close()
            raise Unavailable(first_line(error)) from error
        self._connection = connection

    async def ping(self) -> None:
        """Whether the connection still works. Raises Unavailable."""
        await self.ready()
        await self._guarded(self._ping)

    async def write(self, signals: Sequence[NewSignal]) -> list[Stored]:
        """Commit; tells of each, in this order, where it lies.

        Raises RowsRefused (nothing is committed) and Unavailable (it may be: write them again).
        """
        await self.ready()
        return await self._guarded(lambda connection: _write(connection, signals))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    async def _ping(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute("SELECT 1")

    async def _guarded(self, work: Callable[[psycopg.AsyncConnection], Awaitable[_T]]) -> _T:
        connection = self._connection
        assert connection is not None  # noqa: S101 - `ready` came first
        # A server that hangs is not heard of by TCP: break the connection under the driver, which then raises.
        alarm = asyncio.get_running_loop().call_later(self._patience, break_connection, connection)
        try:
            return await work(connection)
        except psycopg.Error as error:
            if _blames_rows(error) and not connection.broken:
                raise RowsRefused(first_line(error)) from error
            await self.close()
            raise Unavailable(first_line(error)) from error
        except BaseException:
            await self.close()
            raise
        finally:
            alarm.cancel()


async def _write(connection: psycopg.AsyncConnection, signals: Sequence[NewSignal]) -> list[Stored]:
    undated = [signal for signal in signals if signal.seek_from is not None]
    if not undated:
        cursor = await connection.execute(INSERT_DATED, (_array(signals),), prepare=True)
        inserted = {row[0] for row in await cursor.fetchall()}
    else:
        locks = "{" + ",".join(str(lock) for lock in sorted({_lock_of(signal.key) for signal in undated})) + "}"
        async with connection.pipeline(), connection.transaction():
            await connection.execute(_LOCK_KEYS, (_LOCK_CLASS, locks), prepare=True)
            cursor = await connection.execute(INSERT_MIXED, (_array(signals),), prepare=True)
            inserted = {row[0] for row in await cursor.fetchall()}
    retries = [signal for signal in signals if signal.id not in inserted]
    stored = await _stored_before(connection, [signal for signal in retries if signal.seek_from is not None])
    if retries:
        cursor = await connection.execute(_FIND_RECOVERED, (_array(retries),))
        stored.update({row[0]: row[1] for row in await cursor.fetchall() if row[0] not in stored})
    return [Stored(stored.get(signal.id, signal.id), signal.id in inserted) for signal in signals]


def _array(signals: Sequence[NewSignal]) -> str:
    return (b"[" + b",".join(signal.row for signal in signals) + b"]").decode()


async def _stored_before(connection: psycopg.AsyncConnection, retries: Sequence[NewSignal]) -> dict[UUID, UUID]:
    """From the id a retry would have had to the id its event has."""
    since = [signal.seek_from for signal in retries if signal.seek_from is not None]
    if not since:
        return {}
    cursor = await connection.execute(_FIND, ([signal.key for signal in retries], min(since)))
    by_key: dict[bytes, UUID] = {bytes(key): identifier for key, identifier in await cursor.fetchall()}
    return {signal.id: by_key[signal.key] for signal in retries if signal.key in by_key}


def _lock_of(key: bytes) -> int:
    return int.from_bytes(key[:4], "big", signed=True)


def _blames_rows(error: psycopg.Error) -> bool:
    if isinstance(error, errors.DeadlockDetected):
        return False
    if isinstance(error, errors.CheckViolation) and error.diag.constraint_name is None:
        # No constraint of ours: its partition was made while the row was on its way to the default one.
        return False
    return (error.sqlstate or "")[:2] in _ROW_CLASSES
