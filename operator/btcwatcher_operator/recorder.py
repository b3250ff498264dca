"""Writes Events beside the work: they are for people, and must never hold it up."""

import asyncio
from datetime import UTC, datetime

import structlog

from btcwatcher_operator import events
from btcwatcher_operator.cluster import Cluster, ClusterError

log = structlog.get_logger()

WAITING_AT_MOST = 5000
"""More than every Strategy of a full pool has to tell at once."""


class Recorder:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: asyncio.Queue[tuple[events.Subject, events.Event, datetime]] = asyncio.Queue(WAITING_AT_MOST)

    def tell(self, subject: events.Subject, event: events.Event) -> None:
        """Has the Event written soon, dated now. One too many is logged instead."""
        try:
            self._waiting.put_nowait((subject, event, datetime.now(UTC)))
        except asyncio.QueueFull:
            log.warning("event_not_written", subject=subject.metadata.name, reason=event.reason, cause="too many")

    async def run(self) -> None:
        """Writes one after the other until cancelled. One that the API server refuses is logged."""
        while True:
            subject, event, when = await self._waiting.get()
            try:
                await self._cluster.create_event(events.manifest(subject, event, when))
            except (ClusterError, OSError, TimeoutError) as error:
                cause = str(error) or type(error).__name__
                log.warning("event_not_written", subject=subject.metadata.name, reason=event.reason, cause=cause)
