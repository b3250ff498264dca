"""Writing a notice and what tells each channel of it: one statement, so that both are there or neither."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.worker.listening import NOTICES
from btcwatcher_api.signals.types import Priority
from btcwatcher_api.strategies.registry import KnownStrategy

_WRITE: Final = text("""
    WITH notice AS (
      INSERT INTO notices (created_at, kind, namespace, strategy, priority, title, body, labels, annotations,
        fingerprint, resolved, starts_at, ends_at, author)
      VALUES (coalesce(CAST(:created_at AS timestamptz), clock_timestamp()), :kind, :namespace, :strategy, :priority,
        :title, :body, CAST(:labels AS jsonb), CAST(:annotations AS jsonb), :fingerprint, :resolved, :starts_at,
        :ends_at, :author)
      RETURNING id, created_at, kind, priority
    )
    INSERT INTO deliveries (subject_id, kind, strategy, channel_namespace, channel, created_at, priority,
      next_attempt_at)
    SELECT n.id, n.kind, :strategy_id, split_part(key, '/', 1), split_part(key, '/', 2), n.created_at, n.priority,
      n.created_at
    FROM notice n, unnest(CAST(:channels AS text[])) AS key
    RETURNING id, subject_id, created_at, channel_namespace, channel
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """What is told besides signals. Texts hold no NUL."""

    kind: Kind
    namespace: str
    """Of the Strategy, or else of what it is about; empty: of the platform."""
    strategy: KnownStrategy | None = None
    priority: Priority
    title: str
    body: str
    author: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str | None = None
    resolved: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Written(NamedTuple):
    """A delivery that waits to be sent."""

    id: UUID
    notice_id: UUID
    created_at: datetime
    channel_namespace: str
    channel: str


async def write(
    connection: AsyncConnection, notice: NewNotice, channels: Sequence[str], at: datetime | None = None
) -> list[Written]:
    """For each of these channels (namespace/name; there is one at least). Works in the caller's transaction; call
    `wake` in it as well. `at`: when it is said to be made, if not now."""
    values = {
        "created_at": at,
        "kind": notice.kind.value,
        "namespace": notice.namespace,
        "strategy": notice.strategy.name if notice.strategy is not None else None,
        "strategy_id": notice.strategy.id if notice.strategy is not None else None,
        "priority": int(notice.priority),
        "title": notice.title,
        "body": notice.body,
        "labels": json.dumps(dict(notice.labels)),
        "annotations": json.dumps(dict(notice.annotations)),
        "fingerprint": notice.fingerprint,
        "resolved": notice.resolved,
        "starts_at": notice.starts_at,
        "ends_at": notice.ends_at,
        "author": notice.author,
        "channels": list(channels),
    }
    return [Written(*row) for row in await connection.execute(_WRITE, values)]


async def wake(connection: AsyncConnection) -> None:
    """Tell the workers, once this transaction is committed, that something waits."""
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": NOTICES})
