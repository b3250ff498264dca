"""Noting what became of messages: while one commit is under way the next one gathers.

Nothing here is lost while Postgres is away: what was sent stays in memory until it is noted, or this process ends and
the next claim finds an attempt that was never settled.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import dict_row

from btcwatcher_api import logs
from btcwatcher_api.notifications.outcome import ANSWER_MAX, Outcome
from btcwatcher_api.notifications.worker.claims import Channel, Claim, Claimed
from btcwatcher_api.notifications.worker.connection import Away, Connect, OwnConnection, RowsRefused
from btcwatcher_api.notifications.worker.states import STATE_COLUMNS, SharedState, state_of, state_values
from btcwatcher_api.notifications.worker.verdicts import Verdict
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason

_log = logs.get("btcwatcher_api.worker")

_BATCH: Final = 200
_ROOM: Final = 400
"""Messages that may wait to be noted; nothing more is sent meanwhile."""
_FIRST_BACKOFF: Final = 0.1
_LAST_BACKOFF: Final = 5.0

_STATES: Final = f"""
SELECT clock_timestamp() AS now, namespace, channel, {", ".join(STATE_COLUMNS)} FROM channel_states
WHERE (namespace, channel) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
ORDER BY namespace, channel FOR UPDATE
"""  # noqa: S608 - names of ours
_SAVE_STATES: Final = f"""
UPDATE channel_states s SET {", ".join(f"{name} = r.{name}" for name in STATE_COLUMNS)}
FROM jsonb_populate_recordset(NULL::channel_states, %s::jsonb) r
WHERE s.namespace = r.namespace AND s.channel = r.channel
"""  # noqa: S608

_SETTLE: Final = """
WITH done AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(%s::jsonb) AS d(
    id uuid, created_at timestamptz, number smallint, started_at timestamptz, state text, reason text,
    next_attempt_at timestamptz, fallback text, attempt_reason text, duration_ms integer, answer text)
),
settled AS (
  UPDATE deliveries d SET state = n.state, reason = n.reason,
    next_attempt_at = coalesce(n.next_attempt_at, d.next_attempt_at),
    settled_at = CASE WHEN n.state = 'Pending' THEN NULL ELSE clock_timestamp() END
  FROM done n
  WHERE d.id = n.id AND d.created_at = n.created_at AND d.attempts = n.number AND d.state = 'Pending'
    AND (d.replayed_at IS NULL OR d.replayed_at <= n.started_at)
  RETURNING d.id, d.subject_id, d.kind, d.strategy, d.channel_namespace, d.created_at, d.priority, n.fallback
),
attempted AS (
  UPDATE delivery_attempts a SET reason = n.attempt_reason, duration_ms = n.duration_ms, answer = n.answer
  FROM done n
  WHERE a.delivery_id = n.id AND a.number = n.number AND a.started_at = n.started_at AND a.reason IS NULL
),
fallen AS (
  INSERT INTO deliveries
    (subject_id, kind, strategy, channel_namespace, channel, created_at, priority, next_attempt_at, fallback_of)
  SELECT subject_id, kind, strategy, channel_namespace, fallback, created_at, priority, clock_timestamp(), id
  FROM settled WHERE fallback IS NOT NULL ON CONFLICT DO NOTHING RETURNING id
)
SELECT id, (SELECT count(*) FROM fallen) FROM settled
"""
"""Whoever lost his lease finds another number in `attempts`, or that it was replayed since, and changes nothing. A
channel that is told of the subject already gets no second row as a fallback: a delivery's key has the time of its
subject in it, not its own."""

Judge = Callable[[SharedState, datetime], tuple[SharedState, Sequence[Verdict]]]
"""Of the channel's state and the time: its next state, and what becomes of each delivery of the claim."""


@dataclass(frozen=True, slots=True)
class Result:
    """A message that was tried."""

    claim: Claim
    outcome: Outcome
    duration: timedelta
    judge: Judge


@dataclass(frozen=True, slots=True)
class Noted:
    """One delivery whose outcome is committed."""

    channel: Channel
    priority: Priority
    delivery: Claimed
    verdict: Verdict
    attempt: ChannelReason
    after: timedelta
    """From its being written, or replayed, until now, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Change:
    """A channel's state before and after a commit."""

    channel: Channel
    before: SharedState
    after: SharedState


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one commit brought."""

    noted: Sequence[Noted]
    changes: Sequence[Change]
    fallbacks: int
    """Deliveries to fallback channels that were made."""
    late: int
    """Deliveries that somebody else holds by now."""


class Settler:
    """Run it beside the lanes. `told` hears of each commit, after it."""

    def __init__(self, connect: Connect, told: Callable[[Settlement], None]) -> None:
        self._own = OwnConnection(connect)
        self._told = told
        self._queue: deque[Result] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.problem: str | None = None
        """Why nothing can be noted; None while it can."""

    async def room(self) -> None:
        """Until there is room for another result."""
        await self._room.wait()

    def settle(self, result: Result) -> None:
        """Note it as soon as may be."""
        self._queue.append(result)
        self._idle.clear()
        self._wake.set()
        if len(self._queue) >= _ROOM:
            self._room.clear()

    async def run(self) -> None:
        """Until cancelled."""
        backoff = _FIRST_BACKOFF
        while True:
            await self._wake.wait()
            batch = [self._queue[at] for at in range(min(len(self._queue), _BATCH))]
            try:
                settlement = await self._noted(batch)
            except Away as error:
                if self.problem is None:
                    _log.warning("outcomes cannot be noted", reason=str(error))
                self.problem = "the database does not answer"
                await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                backoff = min(backoff * 2, _LAST_BACKOFF)
                continue
            except Exception as error:
                # It must outlive its own mistakes; what it could not note is found by the next claims.
                _log.error("outcomes could not be noted", messages=len(batch), exc_info=error)
                settlement = Settlement((), (), 0, 0)
            if self.problem is not None:
                _log.info("outcomes can be noted again")
            self.problem, backoff = None, _FIRST_BACKOFF
            for _ in batch:
                self._queue.popleft()
            if len(self._queue) < _ROOM:
                self._room.set()
            if not self._queue:
                self._wake.clear()
                self._idle.set()
            self._told(settlement)

    async def drained(self, seconds: float) -> bool:
        """Wait until all is noted, but no longer than that; whether it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        return self._idle.is_set()

    async def close(self) -> None:
        await self._own.close()

    async def _noted(self, batch: Sequence[Result]) -> Settlement:
        try:
            return await self._commit(batch)
        except RowsRefused as error:
            # A vendor's answer that Postgres does not take must not cost the others their outcome.
            _log.error("outcomes were refused", reason=str(error), messages=len(batch))
            if len(batch) > 1:
                middle = len(batch) // 2
                return _together(await self._noted(batch[:middle]), await self._noted(batch[middle:]))
            return Settlement((), (), 0, 0)

    async def _commit(self, batch: Sequence[Result]) -> Settlement:
        channels = sorted({result.claim.channel for result in batch})
        names = [channel.namespace for channel in channels], [channel.name for channel in channels]
        async with self._own.transaction() as connection:
            before, now = await _locked(connection, names)
            states = dict(before)
            judged: list[tuple[Result, Claimed, Verdict]] = []
            for result in batch:
                channel = result.claim.channel
                states[channel], verdicts = result.judge(states.get(channel, SharedState()), now)
                judged += [
                    (result, delivery, verdict)
                    for delivery, verdict in zip(result.claim.deliveries, verdicts, strict=True)
                ]
            changed = {channel: state for channel, state in states.items() if state != before.get(channel)}
            async with connection.pipeline():
                if changed:
                    await connection.execute(_SAVE_STATES, (_json([_state(*one) for one in changed.items()]),))
                cursor = await connection.execute(_SETTLE, (_json([_row(*one) for one in judged]),), prepare=True)
            rows = await cursor.fetchall()
        settled = {row[0] for row in rows}
        noted = [
            Noted(
                result.claim.channel,
                result.claim.priority,
                delivery,
                verdict,
                result.outcome.reason,
                now - delivery.since,
            )
            for result, delivery, verdict in judged
            if delivery.id in settled
        ]
        changes = [Change(channel, before.get(channel, SharedState()), state) for channel, state in changed.items()]
        return Settlement(noted, changes, rows[0][1] if rows else 0, len(judged) - len(noted))


async def _locked(
    connection: psycopg.AsyncConnection[Any], names: tuple[list[str], list[str]]
) -> tuple[dict[Channel, SharedState], datetime]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_STATES, names, prepare=True)
        rows = await cursor.fetchall()
    if not rows:
        raise psycopg.OperationalError("the channels' states are gone")
    return {Channel(row["namespace"], row["channel"]): state_of(row) for row in rows}, max(row["now"] for row in rows)


def _state(channel: Channel, state: SharedState) -> Mapping[str, Any]:
    return {"namespace": channel.namespace, "channel": channel.name, **state_values(state)}


def _row(result: Result, delivery: Claimed, verdict: Verdict) -> Mapping[str, Any]:
    return {
        "id": delivery.id,
        "created_at": delivery.created_at,
        "number": delivery.number,
        "started_at": delivery.started_at,
        "state": verdict.state,
        "reason": verdict.reason,
        "next_attempt_at": verdict.next_attempt_at,
        "fallback": verdict.fallback,
        "attempt_reason": result.outcome.reason,
        "duration_ms": round(result.duration.total_seconds() * 1000),
        "answer": _storable(result.outcome.answer),
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


def _storable(answer: str) -> str:
    """What Postgres takes as text, whatever a vendor answered."""
    return answer.encode("utf-8", "replace").decode().replace("\x00", "")[:ANSWER_MAX]


def _together(one: Settlement, other: Settlement) -> Settlement:
    return Settlement(
        [*one.noted, *other.noted],
        [*one.changes, *other.changes],
        one.fallbacks + other.fallbacks,
        one.late + other.late,
    )
