"""The active collector's job that tells of fleet switches: P0 to channels, and a row in the audit log, once each."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from btcwatcher_api import logs
from btcwatcher_api.collector.ledger import FillsRefused, Ledger, LedgerAway, LedgerBusy
from btcwatcher_api.fleet.telling import Stage, Telling, channels_for, lifted, tellings
from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.worker.listening import NOTICES
from btcwatcher_api.signals.types import Priority

_log = logs.get("btcwatcher_api.fleet")

_LOOK_SECONDS: Final = 0.5
_REMEMBERED: Final = 10_000
# One statement: what is told, what tells each channel of it, and the audit row are there together, and once.
_TELL: Final = """
    WITH notice AS (
      INSERT INTO notices (created_at, kind, namespace, priority, title, body, labels, annotations, fingerprint,
        resolved, author)
      SELECT clock_timestamp(), %(kind)s, %(namespace)s, %(priority)s, %(title)s, %(body)s, '{}', '{}',
        %(fingerprint)s, %(resolved)s, %(author)s
      WHERE NOT EXISTS (SELECT FROM notices WHERE fingerprint = %(fingerprint)s AND kind = %(kind)s)
      RETURNING id, created_at, kind, priority
    ), audit AS (
      INSERT INTO audit_log (actor, action, subject, request_id, detail)
      SELECT %(author)s, %(action)s, %(subject)s, '', CAST(%(detail)s AS jsonb) FROM notice
    ), delivery AS (
      INSERT INTO deliveries (subject_id, kind, strategy, channel_namespace, channel, created_at, priority,
        next_attempt_at)
      SELECT n.id, n.kind, NULL, split_part(key, '/', 1), split_part(key, '/', 2), n.created_at, n.priority,
        n.created_at
      FROM notice n, unnest(CAST(%(channels)s AS text[])) AS key
    )
    SELECT pg_notify(%(notify)s, '') FROM notice
"""


class SwitchCopy:
    """The switches of one kind as a watch shows them, and those that are gone since somebody looked."""

    def __init__(self) -> None:
        self._items: dict[str, Mapping[str, Any]] = {}
        self._gone: list[Mapping[str, Any]] = []
        self._synced = False

    @property
    def synced(self) -> bool:
        return self._synced

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> list[Mapping[str, Any]]:
        return list(self._items.values())

    def take_gone(self) -> list[Mapping[str, Any]]:
        gone, self._gone = self._gone, []
        return gone

    def replace(self, objects: Iterable[Mapping[str, Any]]) -> None:
        now = {item["metadata"]["uid"]: item for item in objects}
        self._gone += [item for uid, item in self._items.items() if uid not in now]
        self._items, self._synced = now, True

    def put(self, item: Mapping[str, Any]) -> None:
        self._items[item["metadata"]["uid"]] = item

    def remove(self, item: Mapping[str, Any]) -> None:
        if self._items.pop(item["metadata"]["uid"], None) is not None:
            self._gone.append(item)


class Teller:
    """`copies`: the switches of both kinds; `channels`: all that there are."""

    def __init__(
        self, ledger: Ledger, copies: Iterable[SwitchCopy], channels: Callable[[], Iterable[KnownChannel]]
    ) -> None:
        self._ledger = ledger
        self._copies = list(copies)
        self._channels = channels
        self._told: dict[str, None] = {}
        """Fingerprints that need no asking any more."""
        self._waiting: list[Mapping[str, Any]] = []
        """Deleted switches that were not told of yet."""

    async def run(self) -> None:
        """Until cancelled; only in the active collector."""
        while True:
            try:
                await self._look()
            except (LedgerAway, LedgerBusy, FillsRefused) as error:
                _log.warning("fleet switches are not told of yet", reason=str(error))
            except Exception as error:
                # What somebody else's object holds must not end what fills signals in.
                _log.error("fleet switches cannot be told of", exc_info=error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        now = datetime.now(UTC)
        for copy in self._copies:
            self._waiting += [item for item in copy.take_gone() if _held(item)]
            for item in copy.items():
                for telling in tellings(item, now):
                    await self._tell(telling, item)
        while self._waiting:
            await self._tell(lifted(self._waiting[0]), self._waiting[0])
            del self._waiting[0]

    async def _tell(self, telling: Telling, item: Mapping[str, Any]) -> None:
        if telling.fingerprint in self._told:
            return
        channels = channels_for(item, self._channels())
        values = {
            "kind": Kind.ALERT.value,
            "namespace": telling.namespace,
            "priority": int(Priority.P0),
            "title": telling.title,
            "body": telling.body,
            "fingerprint": telling.fingerprint,
            "resolved": telling.stage is Stage.LIFTED,
            "author": telling.actor,
            "action": telling.action,
            "subject": telling.subject,
            "detail": json.dumps({"uid": telling.uid, "said": telling.body}),
            "channels": channels,
            "notify": NOTICES,
        }
        await self._ledger.note(_TELL, values)
        self._told[telling.fingerprint] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        _log.info("fleet switch", subject=telling.subject, stage=telling.stage.value, channels=len(channels))


def _held(item: Mapping[str, Any]) -> bool:
    """Whether deleting it has let bots go."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Active" and one.get("status") == "True" for one in conditions)
