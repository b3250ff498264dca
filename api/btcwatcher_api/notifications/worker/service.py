"""The process: its lanes, the settler, the keeper of status and figures, and /metrics, /healthz and /readyz."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from btcwatcher_api import logs, probes
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.cluster.watch import CHANNELS, Watch
from btcwatcher_api.database import listening_connection, notifying_connection
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.senders import networks
from btcwatcher_api.notifications.senders import send as senders
from btcwatcher_api.notifications.worker.desk import ChannelDesk, Send
from btcwatcher_api.notifications.worker.figures import WorkerMetrics
from btcwatcher_api.notifications.worker.keeper import Keeper
from btcwatcher_api.notifications.worker.lanes import Lane
from btcwatcher_api.notifications.worker.listening import listen
from btcwatcher_api.notifications.worker.mending import Mender
from btcwatcher_api.notifications.worker.outbox import Outbox
from btcwatcher_api.notifications.worker.settings import WorkerSettings
from btcwatcher_api.notifications.worker.settling import Settlement, Settler
from btcwatcher_api.notifications.worker.vault import Shelf, Vault
from btcwatcher_api.signals.types import Priority

_log = logs.get("btcwatcher_api.worker")

_STATEMENT_SECONDS: Final = 10.0
_VERSION_SECONDS: Final = 0.5
"""How often it is looked whether channels have changed."""
_ENDING_SECONDS: Final = 2.0
_NOTING_SECONDS: Final = 5.0
"""How long an ending worker tries to note what it has sent."""


class WorkerService:
    """With `channels` and a `shelf` nobody talks to Kubernetes: they are what the caller put there."""

    def __init__(
        self,
        settings: WorkerSettings,
        channels: ChannelRegistry | None = None,
        shelf: Shelf | None = None,
        send: Send = senders.send,
    ) -> None:
        self._settings = settings
        database_url = settings.database_url.get_secret_value()
        networks.forbid(settings.forbidden_networks)
        self.metrics: Final = WorkerMetrics()
        self.channels: Final = channels if channels is not None else ChannelRegistry(settings.namespace_set)
        self._cluster = Cluster() if channels is None or shelf is None else None
        self._prepared = False
        self._watch = (
            Watch(CHANNELS, self.channels, self.metrics.watches, settings.namespace_set) if channels is None else None
        )

        async def connect() -> psycopg.AsyncConnection[Any]:
            return await notifying_connection(database_url, statement_seconds=_STATEMENT_SECONDS)

        self._listen_at = lambda: listening_connection(database_url)
        self._keeper = Keeper(connect, self.channels, self._cluster if channels is None else None, self.metrics)
        self._settler = Settler(connect, self._settled)
        shelf = shelf if shelf is not None else Vault(self._cluster or Cluster())
        self._mender = Mender(connect, self.channels, shelf)
        desk = ChannelDesk(
            self.channels,
            shelf,
            send,
            timeout=settings.timeout,
            template_told=self._keeper.template_used,
        )
        self._lanes = [
            Lane(
                priority,
                Outbox(connect, lease=settings.lease, oldest=settings.oldest),
                self._settler,
                desk,
                slots=settings.worker_slots if priority is Priority.P0 else max(1, settings.worker_slots // 2),
                per_channel=settings.worker_slots_per_channel,
                timeout=settings.timeout,
                looked=self.metrics.looked,
            )
            for priority in Priority
        ]

    @property
    def problems(self) -> list[str]:
        """Why this worker does not work; empty when it does."""
        problems = [] if self.channels.synced else ["the NotificationChannels are not known yet"]
        if not problems and not self._prepared:
            problems = ["what its channels need is not loaded yet"]
        found = {self._settler.problem, *(lane.problem for lane in self._lanes)} - {None}
        return problems + sorted(str(problem) for problem in found)

    def wake(self) -> None:
        """Deliveries may have come."""
        for lane in self._lanes:
            lane.wake()

    async def run(self) -> None:
        """Until cancelled; then what was claimed and not sent is given back, and what was sent is noted."""
        beside = [
            asyncio.create_task(self._settler.run(), name="settler"),
            asyncio.create_task(listen(self._listen_at, self.wake), name="listen"),
            asyncio.create_task(self._keeper.run(), name="keeper"),
            asyncio.create_task(self._mender.run(), name="mender"),
            asyncio.create_task(self._follow(), name="follow"),
            asyncio.create_task(self._prepare(), name="prepare"),
        ]
        if self._watch is not None:
            beside.append(asyncio.create_task(self._watch.run(), name="watch"))
        lanes = [asyncio.create_task(lane.run(), name=lane.priority.name) for lane in self._lanes]
        try:
            await asyncio.gather(*lanes, *beside)
        except Exception as error:
            _log.error("the worker ends", exc_info=error)
            raise
        finally:
            for lane in self._lanes:
                lane.end()
            # A claim that is under way may be committed already: it is waited for, and then given back.
            await asyncio.wait(lanes, timeout=_ENDING_SECONDS)
            for task in lanes:
                task.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            grace = self._settings.timeout.total_seconds()
            await asyncio.gather(*(lane.stop(grace) for lane in self._lanes))
            await self._settler.drained(_NOTING_SECONDS)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._close()

    async def _close(self) -> None:
        for lane in self._lanes:
            await lane.close()
        await self._settler.close()
        await self._keeper.close()
        await self._mender.close()
        if self._cluster is not None:
            await self._cluster.close()
        await senders.close()

    def _settled(self, settlement: Settlement) -> None:
        self.metrics.settled(settlement)
        self._keeper.changed(settlement.changes)
        if settlement.fallbacks:
            self._lanes[Priority.P0].wake()
        if any(change.before.paused_until is not None for change in settlement.changes):
            # What waited for a paused channel may go on.
            for lane in self._lanes:
                lane.reconsider()

    async def _follow(self) -> None:
        """Look again at what was held when channels have changed, and say whether Postgres answers."""
        seen = -1
        while True:
            if self.channels.version != seen:
                seen = self.channels.version
                for lane in self._lanes:
                    lane.reconsider()
            away = self._settler.problem is not None or any(lane.problem is not None for lane in self._lanes)
            self.metrics.database_up.set(0 if away else 1)
            await asyncio.sleep(_VERSION_SECONDS)

    async def _prepare(self) -> None:
        """Load what channels need before they need it, also those that come later."""
        while True:
            if self.channels.synced:
                known = self.channels.channels()
                try:
                    await senders.prepare({channel.spec.type for channel in known if channel.spec is not None})
                except Exception as error:
                    # The messages themselves will tell; those of other channels go on.
                    _log.error("what channels need cannot be loaded", exc_info=error)
                self._prepared = True
            await asyncio.sleep(_VERSION_SECONDS)


def create_worker_app(service: WorkerService) -> Starlette:
    """The ASGI app that runs the worker and answers for it. It has no other ways in."""
    working: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal working
        working = asyncio.create_task(service.run())
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def healthz(_: Request) -> Response:
        if working is None or working.done():
            return JSONResponse({"status": "the worker has ended"}, status_code=503)
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/healthz", healthz),
        probes.readyz(lambda: service.problems),
        probes.metrics(service.metrics.registry),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
