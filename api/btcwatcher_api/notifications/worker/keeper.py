"""Keeps the status of the channels like what the database says of them, and tells Events of what this worker changed.

Any number of workers do so: what they would write is the same, and each writes only what differs from what the watch
shows. Only the worker whose commit made a change tells an Event of it.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from kubernetes.aio import client
from psycopg.rows import dict_row

from btcwatcher_api import logs
from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.cluster.connection import SECONDS
from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.templates.render import check
from btcwatcher_api.notifications.worker.claims import Channel
from btcwatcher_api.notifications.worker.connection import Away, Connect, OwnConnection, RowsRefused
from btcwatcher_api.notifications.worker.figures import WorkerMetrics
from btcwatcher_api.notifications.worker.settling import Change
from btcwatcher_api.notifications.worker.states import STATE_COLUMNS, SharedState, state_of
from btcwatcher_api.notifications.worker.status import (
    FIELD_MANAGER,
    Event,
    Object,
    Template,
    applied,
    event_manifest,
    events_of,
    same,
    status_of,
)
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.names import GROUP, NOTIFICATION_CHANNEL_PLURAL, VERSION

_log = logs.get("btcwatcher_api.worker")

_EVERY_SECONDS: Final = 5.0
_SETTLE_SECONDS: Final = 0.2
"""So long a change waits for others, that a burst of outcomes is one write."""
_EVENTS_MOST: Final = 500
_ECHO_SECONDS: Final = 10.0
"""How long the watch may take to show what we wrote."""

_STATES: Final = f"SELECT namespace, channel, {', '.join(STATE_COLUMNS)} FROM channel_states"  # noqa: S608
# Each worker counts the whole queue, by the index of what is pending.
_QUEUE: Final = """
SELECT priority, count(*),
  greatest(extract(epoch FROM clock_timestamp() - min(next_attempt_at)), 0)::float AS overdue
FROM deliveries WHERE state = 'Pending' GROUP BY priority
"""


class Channels(Protocol):
    """Who knows the channels; see ChannelRegistry."""

    @property
    def synced(self) -> bool: ...
    @property
    def version(self) -> int: ...
    def get(self, namespace: str, name: str) -> KnownChannel | None: ...
    def channels(self) -> list[KnownChannel]: ...


class Keeper:
    """Run it beside the lanes. Without a cluster only the figures are kept."""

    def __init__(self, connect: Connect, channels: Channels, cluster: Cluster | None, metrics: WorkerMetrics) -> None:
        self._own = OwnConnection(connect)
        self._channels = channels
        self._cluster = cluster
        self._metrics = metrics
        self._events: deque[tuple[Channel, Event]] = deque(maxlen=_EVENTS_MOST)
        self._templates: dict[Channel, tuple[Any, Template]] = {}
        self._written: dict[Channel, tuple[float, Object]] = {}
        self._paused: set[Channel] = set()
        self._changed = asyncio.Event()

    def changed(self, changes: Sequence[Change]) -> None:
        """This worker's commit changed the state of channels."""
        for change in changes:
            self._events += [(change.channel, event) for event in events_of(change.before, change.after)]
            told = change.before.failures, change.before.paused_until, change.before.last_reason
            if told != (change.after.failures, change.after.paused_until, change.after.last_reason):
                self._changed.set()

    def template_used(self, channel: Channel, trouble: str | None) -> None:
        """A channel's own template was used."""
        known = self._channels.get(*channel)
        before = self._templates.get(channel)
        self._templates[channel] = (_generation(known), Template(trouble))
        if before is None or before[1].trouble != trouble:
            self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            seconds = _EVERY_SECONDS * random.uniform(0.7, 1.3)  # noqa: S311 - jitter, not a secret
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
                await asyncio.sleep(_SETTLE_SECONDS)
            self._changed.clear()
            try:
                await self._keep()
            except (Away, RowsRefused):
                # The lanes tell of it.
                continue
            except Problem as problem:
                _log.warning("the status of channels cannot be written", reason=problem.detail)
            except Exception as error:
                _log.error("keeping the status of channels failed", exc_info=error)

    async def close(self) -> None:
        await self._own.close()

    async def _keep(self) -> None:
        async with self._own.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_STATES)
            states = {Channel(row["namespace"], row["channel"]): state_of(row) for row in await cursor.fetchall()}
            await cursor.execute(_QUEUE)
            queue = {row["priority"]: row for row in await cursor.fetchall()}
        for priority in Priority:
            row = queue.get(int(priority))
            self._metrics.depth.labels(priority.name).set(row["count"] if row else 0)
            self._metrics.age.labels(priority.name).set(row["overdue"] if row else 0)
        if not self._channels.synced:
            return
        there = {Channel(known.namespace, known.name): known for known in self._channels.channels()}
        self._count(there, states)
        if self._cluster is None:
            return
        for channel in self._written.keys() - there.keys():
            del self._written[channel]
            self._templates.pop(channel, None)
        await self._tell(self._cluster)
        for channel, known in there.items():
            await self._write(self._cluster, channel, known, states.get(channel, SharedState()))

    def _count(self, there: dict[Channel, KnownChannel], states: dict[Channel, SharedState]) -> None:
        for channel in self._paused - there.keys():
            self._metrics.paused.remove(*channel)
        self._paused = set(there)
        for channel in there:
            state = states.get(channel)
            self._metrics.paused.labels(*channel).set(state is not None and state.paused_until is not None)

    async def _tell(self, cluster: Cluster) -> None:
        while self._events:
            channel, event = self._events[0]
            known = self._channels.get(*channel)
            if known is not None:
                manifest = event_manifest(known, event, datetime.now(UTC))

                async def create(connected: client.ApiClient, body: Object = manifest) -> None:
                    where = core.path("namespaces", body["metadata"]["namespace"], "events")
                    await core.request(connected, "POST", where, body=body)

                try:
                    await cluster.call(create)
                except Problem as problem:
                    if problem.status >= 500:
                        raise
                    # A namespace that is going, a quota: an Event more is not worth a halt.
                    _log.warning("an Event was refused", channel=str(channel), reason=problem.detail)
            self._events.popleft()

    async def _write(self, cluster: Cluster, channel: Channel, known: KnownChannel, state: SharedState) -> None:
        now = datetime.now(UTC)
        status = status_of(known, state, self._template(channel, known), now)
        written = self._written.get(channel)
        if same(status, known.item["status"]):
            return
        if written is not None and same(status, written[1]) and time.monotonic() - written[0] < _ECHO_SECONDS:
            return
        body = applied(known, status)
        try:
            await cluster.call(
                lambda connected: client.CustomObjectsApi(connected).patch_namespaced_custom_object_status(
                    GROUP,
                    VERSION,
                    known.namespace,
                    NOTIFICATION_CHANNEL_PLURAL,
                    known.name,
                    body,
                    field_manager=FIELD_MANAGER,
                    force=True,
                    _content_type="application/apply-patch+yaml",
                    _request_timeout=SECONDS,
                )
            )
        except Problem as problem:
            if problem.status >= 500:
                raise
            if problem.status != 404:
                _log.warning("a channel's status was refused", channel=str(channel), reason=problem.detail)
        self._written[channel] = (time.monotonic(), status)

    def _template(self, channel: Channel, known: KnownChannel) -> Template | None:
        """What is known of it: from its last use, or, written in the spec itself, from trying it out."""
        spec = known.spec
        if spec is None or spec.template is None:
            return None
        seen = self._templates.get(channel)
        if seen is not None and seen[0] == _generation(known):
            return seen[1]
        if spec.template.inline is None:
            return None
        template = Template(check(spec.template.inline))
        self._templates[channel] = (_generation(known), template)
        return template


def _generation(known: KnownChannel | None) -> Any:
    return known.item["metadata"].get("generation") if known is not None else None
