"""Taking deliveries out of the outbox: which channels have any that are due, and claiming those that go out now."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from btcwatcher_api.notifications.schedule.rate import give_back
from btcwatcher_api.notifications.subject import Kind, Subject
from btcwatcher_api.notifications.worker.claims import Channel, Claim, Claimed
from btcwatcher_api.notifications.worker.connection import Connect, OwnConnection
from btcwatcher_api.notifications.worker.plans import Defer, Hold, Plan, Send, Skip
from btcwatcher_api.notifications.worker.states import STATE_COLUMNS, SharedState, state_of, state_values
from btcwatcher_api.notifications.worker.verdicts import State
from btcwatcher_api.signals.dedup import time_range_of
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason

_CHUNK: Final = 1000
"""Most rows that one statement puts off or skips; there is a next one."""

# Every channel that anything waits for, found by leaping through the index, however many rows wait.
_DUE: Final = """
WITH RECURSIVE lines AS (
  (SELECT channel_namespace, channel FROM deliveries WHERE state = 'Pending'
   ORDER BY channel_namespace, channel LIMIT 1)
  UNION ALL
  SELECT n.channel_namespace, n.channel FROM lines l CROSS JOIN LATERAL (
    SELECT channel_namespace, channel FROM deliveries
    WHERE state = 'Pending' AND (channel_namespace, channel) > (l.channel_namespace, l.channel)
    ORDER BY channel_namespace, channel LIMIT 1) n
)
SELECT l.channel_namespace, l.channel, extract(epoch FROM d.next_attempt_at - clock_timestamp())::float
FROM lines l CROSS JOIN LATERAL (
  SELECT next_attempt_at FROM deliveries
  WHERE state = 'Pending' AND channel_namespace = l.channel_namespace AND channel = l.channel AND priority = %s
  ORDER BY next_attempt_at LIMIT 1) d
ORDER BY 3
"""

_THE_LINE: Final = (
    "state = 'Pending' AND channel_namespace = %(namespace)s AND channel = %(channel)s AND priority = %(priority)s"
    " AND next_attempt_at <= %(now)s"
)

_MAKE_STATE: Final = "INSERT INTO channel_states (namespace, channel) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_DUE_IN_LINE: Final = (
    "FROM deliveries WHERE state = 'Pending' AND channel_namespace = s.namespace AND channel = s.channel"
    " AND priority = %(priority)s AND next_attempt_at <= clock_timestamp()"
)
# Whoever holds this row decides for the channel: all workers take turns. A test is
# looked for only where it can be: in the line of P0, while the channel is paused.
_STATE: Final = f"""
SELECT clock_timestamp() AS now, {", ".join(f"s.{name}" for name in STATE_COLUMNS)},
  (SELECT coalesce(replayed_at, created_at) {_DUE_IN_LINE} ORDER BY next_attempt_at LIMIT 1) AS first,
  CASE WHEN %(priority)s = {Priority.P0:d} AND s.paused_until > clock_timestamp()
  THEN EXISTS (SELECT {_DUE_IN_LINE} AND kind = '{Kind.TEST}') ELSE false END AS test
FROM channel_states s WHERE s.namespace = %(namespace)s AND s.channel = %(channel)s FOR UPDATE OF s
"""  # noqa: S608 - names of ours
_SAVE_STATE: Final = (
    f"UPDATE channel_states SET {', '.join(f'{name} = %({name})s' for name in STATE_COLUMNS)}"  # noqa: S608
    " WHERE namespace = %(namespace)s AND channel = %(channel)s"
)

_PICKED: Final = (
    "SELECT subject_id, channel_namespace, channel, created_at, replayed_at, id, attempts, next_attempt_at"  # noqa: S608
    f" FROM deliveries WHERE {_THE_LINE} AND (%(kind)s::text IS NULL OR kind = %(kind)s)"
    " ORDER BY next_attempt_at, created_at LIMIT %(rows)s FOR UPDATE SKIP LOCKED"
)
_SAME: Final = (
    "d.subject_id = p.subject_id AND d.channel_namespace = p.channel_namespace AND d.channel = p.channel"
    " AND d.created_at = p.created_at"
)

_CLAIM: Final = f"""
WITH picked AS MATERIALIZED ({_PICKED}),
numbered AS MATERIALIZED (
  SELECT p.*, (%(messages)s::uuid[])[least(row_number() OVER (ORDER BY next_attempt_at, created_at),
    cardinality(%(messages)s::uuid[]))] AS message_id FROM picked p
),
claimed AS (
  UPDATE deliveries d SET attempts = d.attempts + 1, next_attempt_at = %(now)s + %(lease)s
  FROM numbered p WHERE {_SAME}
  RETURNING d.id, d.subject_id, d.kind, d.created_at, d.replayed_at, d.attempts, p.message_id,
    p.attempts AS before, p.next_attempt_at AS due
),
lost AS (
  UPDATE delivery_attempts a SET reason = '{ChannelReason.WORKER_LOST}'
  FROM claimed c WHERE c.before > 0 AND a.delivery_id = c.id AND a.number = c.before AND a.reason IS NULL
  RETURNING a.delivery_id
),
begun AS (
  INSERT INTO delivery_attempts
    (delivery_id, number, started_at, message_id, channel_namespace, channel, priority)
  SELECT id, attempts, %(now)s, message_id, %(namespace)s, %(channel)s, %(priority)s FROM claimed
)
SELECT id, subject_id, kind, created_at, attempts, message_id, (SELECT count(*) FROM lost) AS lost, replayed_at
FROM claimed ORDER BY due, created_at
"""  # noqa: S608 - names of ours
"""Claimed, with an attempt written for each before anything is sent, and those noted that were never settled."""

_DEFER: Final = f"""
WITH picked AS MATERIALIZED ({_PICKED})
UPDATE deliveries d SET next_attempt_at = %(until)s FROM picked p WHERE {_SAME}
"""  # noqa: S608
_SKIP: Final = f"""
WITH picked AS MATERIALIZED ({_PICKED})
UPDATE deliveries d SET state = 'Skipped', reason = %(reason)s, settled_at = %(now)s FROM picked p WHERE {_SAME}
"""  # noqa: S608
# Nobody wants to hear of these any more; one that was tried has failed, whatever it waited for then.
_DROP_OLD: Final = f"""
WITH picked AS MATERIALIZED ({_PICKED})
UPDATE deliveries d SET state = CASE WHEN d.attempts > 0 THEN 'Failed' ELSE 'Skipped' END,
  reason = '{ChannelReason.TOO_OLD}', settled_at = %(now)s
FROM picked p WHERE {_SAME} AND coalesce(p.replayed_at, p.created_at) < %(oldest)s RETURNING d.state
"""  # noqa: S608
# The key of a delivery has the time of its subject in it: a channel that is told of it already is not told again.
_FALL_BACK: Final = f"""
INSERT INTO deliveries
  (subject_id, kind, strategy, channel_namespace, channel, created_at, priority, next_attempt_at, fallback_of)
SELECT subject_id, kind, strategy, channel_namespace, %(fallback)s, created_at, priority, %(now)s, id
FROM deliveries WHERE {_THE_LINE} ORDER BY next_attempt_at LIMIT %(rows)s
ON CONFLICT DO NOTHING
"""  # noqa: S608

_SIGNALS: Final = (
    "SELECT * FROM signals WHERE id = ANY(%s) AND event_time >= coalesce(%s::timestamptz, '-infinity')"
    " AND event_time < coalesce(%s::timestamptz, 'infinity')"
)
_NOTICES: Final = "SELECT * FROM notices WHERE id = ANY(%s)"
_BULK: Final = ("payload", "event_key", "order_key", "dated", "arrival")
"""Columns of a signal that no message tells."""

_RELEASE: Final = """
WITH given AS MATERIALIZED (
  SELECT * FROM unnest(%s::uuid[], %s::smallint[], %s::timestamptz[], %s::timestamptz[])
    AS g(id, number, started_at, created_at)
),
freed AS (
  UPDATE deliveries d SET attempts = d.attempts - 1, next_attempt_at = clock_timestamp()
  FROM given g WHERE d.id = g.id AND d.created_at = g.created_at AND d.attempts = g.number AND d.state = 'Pending'
    AND (d.replayed_at IS NULL OR d.replayed_at <= g.started_at)
)
DELETE FROM delivery_attempts a USING given g
WHERE a.delivery_id = g.id AND a.number = g.number AND a.started_at = g.started_at AND a.reason IS NULL
"""


class Due(NamedTuple):
    """A channel that something waits for, and in how many seconds the first of it is due."""

    channel: Channel
    seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of looking at a channel."""

    claims: Sequence[Claim] = ()
    hold: timedelta | None = None
    """Nothing may be sent for so long, though something is due."""
    put_off: int = 0
    """Deliveries that wait until later."""
    ended: Mapping[State, int] = field(default_factory=dict)
    """Deliveries that came to their end without an attempt, by state."""
    lost: int = 0
    """Attempts found that were never settled."""
    more: bool = False
    """Whether more may be due."""


Decide = Callable[[SharedState, datetime, datetime, bool], Plan]
"""Of the channel's state, the time, when the first of what is due was made, and whether a test waits for a pause."""


class Outbox:
    """One lane's way to the deliveries. Every method raises Away, and RowsRefused only if this code is wrong."""

    def __init__(self, connect: Connect, *, lease: timedelta, oldest: timedelta) -> None:
        self._own = OwnConnection(connect)
        self._lease = lease
        self._oldest = oldest

    async def close(self) -> None:
        await self._own.close()

    async def due(self, priority: Priority) -> list[Due]:
        """Every channel that has deliveries of this priority, the longest waiting first."""
        async with self._own.transaction() as connection:
            cursor = await connection.execute(_DUE, (int(priority),), prepare=True)
            return [Due(Channel(row[0], row[1]), float(row[2])) for row in await cursor.fetchall()]

    async def take(self, channel: Channel, priority: Priority, decide: Decide) -> Taken:
        """Do with what is due as `decide` says. Nobody else decides for this channel meanwhile."""
        # The worker's own clock, from before the lease began: it ends for us before it ends for the others.
        begun = time.monotonic()
        async with self._own.transaction() as connection:
            row = await _locked_state(connection, channel, priority)
            now: datetime = row["now"]
            if row["first"] is None:
                return Taken()
            where = _line(channel, priority) | {"now": now, "kind": None}
            if row["first"] < now - self._oldest:
                dropped = await connection.execute(
                    _DROP_OLD, {**where, "rows": _CHUNK, "oldest": now - self._oldest}, prepare=True
                )
                return Taken(ended=Counter(State(row[0]) for row in await dropped.fetchall()), more=True)
            plan = decide(state_of(row), now, row["first"], row["test"])
            match plan:
                case Hold(until, fallback):
                    if fallback is not None:
                        await connection.execute(_FALL_BACK, {**where, "fallback": fallback, "rows": _CHUNK})
                    return Taken(hold=max(until - now, timedelta()))
                case Defer(until):
                    cursor = await connection.execute(_DEFER, {**where, "rows": _CHUNK, "until": until}, prepare=True)
                    return Taken(put_off=cursor.rowcount, more=cursor.rowcount == _CHUNK)
                case Skip(reason):
                    cursor = await connection.execute(_SKIP, {**where, "rows": _CHUNK, "reason": reason}, prepare=True)
                    return Taken(ended={State.SKIPPED: cursor.rowcount}, more=cursor.rowcount == _CHUNK)
                case Send():
                    return await self._claim(connection, channel, priority, plan, where, begun)

    async def _claim(
        self,
        connection: psycopg.AsyncConnection[Any],
        channel: Channel,
        priority: Priority,
        plan: Send,
        where: Mapping[str, Any],
        begun: float,
    ) -> Taken:
        messages = [uuid4() for _ in range(plan.messages)]
        values = {**where, "kind": plan.kind, "rows": plan.rows, "messages": messages, "lease": self._lease}
        cursor = await connection.execute(_CLAIM, values, prepare=True)
        rows = await cursor.fetchall()
        subjects = await _subjects(connection, [(row[1], row[2]) for row in rows])
        together: dict[UUID, list[Claimed]] = {}
        for identifier, subject_id, _, created_at, number, message_id, _, replayed_at in rows:
            subject, since = subjects.get(subject_id), replayed_at or created_at
            together.setdefault(message_id, []).append(
                Claimed(identifier, subject_id, created_at, number, where["now"], subject, since)
            )
        # Planned were as many as might be there.
        state = give_back(plan.state, plan.messages - len(together))
        await connection.execute(_SAVE_STATE, state_values(state) | _line(channel, priority))
        ends = begun + self._lease.total_seconds()
        claims = [
            Claim(message, channel, priority, deliveries, plan.probe, ends) for message, deliveries in together.items()
        ]
        return Taken(claims, lost=rows[0][6] if rows else 0, more=len(rows) == plan.rows)

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give back what was claimed and never sent: it is due again, and there was no attempt."""
        given = [one for claim in claims for one in claim.deliveries]
        if not given:
            return
        async with self._own.transaction() as connection:
            await connection.execute(
                _RELEASE,
                (
                    [one.id for one in given],
                    [one.number for one in given],
                    [one.started_at for one in given],
                    [one.created_at for one in given],
                ),
            )


def _line(channel: Channel, priority: Priority) -> dict[str, Any]:
    return {"namespace": channel.namespace, "channel": channel.name, "priority": int(priority)}


async def _locked_state(
    connection: psycopg.AsyncConnection[Any], channel: Channel, priority: Priority
) -> dict[str, Any]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        for _ in range(2):
            await cursor.execute(_STATE, _line(channel, priority), prepare=True)
            row = await cursor.fetchone()
            if row is not None:
                return row
            await cursor.execute(_MAKE_STATE, (channel.namespace, channel.name))
    raise psycopg.OperationalError("the channel's state vanished while it was made")


async def _subjects(
    connection: psycopg.AsyncConnection[Any], wanted: Sequence[tuple[UUID, str]]
) -> dict[UUID, Subject]:
    found: dict[UUID, Subject] = {}
    signals = sorted({identifier for identifier, kind in wanted if kind == Kind.SIGNAL})
    notices = [identifier for identifier, kind in wanted if kind != Kind.SIGNAL]
    async with connection.cursor(row_factory=dict_row) as cursor:
        if signals:
            # Their ids say when they happened, and so in which partitions they are.
            ranges = [time_range_of(identifier) for identifier in signals]
            known = [bounds for bounds in ranges if bounds is not None]
            begin = min(bounds[0] for bounds in known) if len(known) == len(ranges) else None
            end = max(bounds[1] for bounds in known) if begin is not None else None
            await cursor.execute(_SIGNALS, (signals, begin, end), prepare=True)
            for row in await cursor.fetchall():
                values = {name: value for name, value in row.items() if name not in _BULK}
                found[row["id"]] = Subject(
                    row["id"],
                    Kind.SIGNAL,
                    Priority(row["priority"]),
                    row["namespace"],
                    row["strategy"],
                    row["event_time"],
                    values,
                )
        if notices:
            await cursor.execute(_NOTICES, (notices,), prepare=True)
            for row in await cursor.fetchall():
                found[row["id"]] = Subject(
                    row["id"],
                    Kind(row["kind"]),
                    Priority(row["priority"]),
                    row["namespace"],
                    row["strategy"],
                    row["created_at"],
                    row,
                )
    return found
