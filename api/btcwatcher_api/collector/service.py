"""The process: one collector is active, the others stand by; each serves /metrics, /healthz and /readyz."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from btcwatcher_api import logs, probes
from btcwatcher_api.capacity_history.recorder import Recorder
from btcwatcher_api.cluster.watch import CHANNELS, CLUSTER_FLEET_SWITCHES, FLEET_SWITCHES, STRATEGIES, Watch
from btcwatcher_api.collector import candles
from btcwatcher_api.collector.ledger import Ledger, LedgerAway, LedgerBusy
from btcwatcher_api.collector.rounds import Rounds
from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.database import collecting_connection
from btcwatcher_api.fleet.loss_limits import LossLimits
from btcwatcher_api.fleet.teller import SwitchCopy, Teller
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.router import Router
from btcwatcher_api.schema import SchemaError
from btcwatcher_api.strategies.registry import Registry

_log = logs.get("btcwatcher_api.collector")

_STAND_BY_SECONDS: Final = 5.0
_FIRST_BACKOFF: Final = 0.5
_LAST_BACKOFF: Final = 15.0
_STATEMENT_SECONDS: Final = 10.0
_CYCLES_UNTIL_KNOWN: Final = 4
"""After so many a bot that was not visited yet is taken for one that will not be."""


class CollectorService:
    """With a `registry` nobody watches Kubernetes: its Strategies, and `channels`, are what the caller put there."""

    def __init__(
        self, settings: CollectorSettings, registry: Registry | None = None, channels: ChannelRegistry | None = None
    ) -> None:
        database_url = settings.database_url.get_secret_value()
        self.registry: Final = registry if registry is not None else Registry(None, settings.namespace_set)
        self.channels: Final = channels if channels is not None else ChannelRegistry(settings.namespace_set)
        if registry is not None and channels is None:
            self.channels.replace(())
        self._ledger = Ledger(
            lambda: collecting_connection(database_url, statement_seconds=_STATEMENT_SECONDS),
            Router(self.channels),
            notify_within=settings.notify_within,
            patience=_STATEMENT_SECONDS,
        )
        self._rounds = Rounds(self.registry, self._ledger, settings, settings.bot_key())
        self.candles: Final = candles.route(self.registry, settings)
        self._recorder: Final = (
            Recorder(self._ledger, self.registry.items, settings.ports, every=settings.capacity_history_seconds)
            if registry is None
            else None
        )
        self.metrics: Final = self._rounds.metrics
        own, of_the_cluster = SwitchCopy(), SwitchCopy()
        self._teller: Final = Teller(self._ledger, (own, of_the_cluster), self.channels.channels)
        self._loss_limits: Final = LossLimits(
            self._ledger,
            (own, of_the_cluster),
            self.registry.items,
            self._rounds.figures,
            self._rounds.unvisited,
            patience=settings.collect_cycle_seconds * _CYCLES_UNTIL_KNOWN,
        )
        self._watches: Final = (
            [
                Watch(STRATEGIES, self.registry, self.metrics.watches, settings.namespace_set),
                Watch(CHANNELS, self.channels, self.metrics.watches, settings.namespace_set),
                Watch(FLEET_SWITCHES, own, self.metrics.watches, settings.namespace_set),
                # With namespaces it has no right on what is the cluster's.
                *(
                    [Watch(CLUSTER_FLEET_SWITCHES, of_the_cluster, self.metrics.watches)]
                    if not settings.namespace_set
                    else []
                ),
            ]
            if registry is None
            else []
        )
        self._problem: str | None = "not connected to the database yet"

    @property
    def problem(self) -> str | None:
        """Why this collector can neither work nor stand by; None when it does."""
        return self._problem

    async def run(self) -> None:
        """Until cancelled."""
        beside = [asyncio.create_task(watch.run()) for watch in self._watches]
        try:
            await self._lead()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._ledger.close()

    async def _lead(self) -> None:
        backoff = _FIRST_BACKOFF
        standing_by = False
        while True:
            try:
                # Who does not know the Strategies, or whom to tell, would only keep another from working.
                if not (self.registry.synced and self.channels.synced):
                    await asyncio.sleep(_FIRST_BACKOFF)
                    continue
                leads = await self._ledger.lead()
                self._problem, backoff = None, _FIRST_BACKOFF
                if not leads:
                    if not standing_by:
                        _log.info("another collector is active: standing by")
                    standing_by = True
                    await asyncio.sleep(_STAND_BY_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311 - no secret
                    continue
                standing_by = False
                _log.info("visiting the bots")
                async with self._active():
                    await self._rounds.run()
            except (LedgerAway, LedgerBusy, SchemaError) as error:
                self._problem = str(error) if isinstance(error, SchemaError) else "the database does not answer"
                _log.warning("the collector stands still", reason=str(error))
                await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311 - no secret
                backoff = min(backoff * 2, _LAST_BACKOFF)

    @contextlib.asynccontextmanager
    async def _active(self) -> AsyncIterator[None]:
        """What only the active one does beside its visits."""
        self.metrics.active.set(1)
        beside = [asyncio.create_task(self._teller.run()), asyncio.create_task(self._loss_limits.run())]
        if self._recorder is not None:
            beside.append(asyncio.create_task(self._recorder.run()))
        try:
            yield
        finally:
            self.metrics.active.set(0)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


def create_collector_app(service: CollectorService) -> Starlette:
    """The ASGI app that runs the collector and answers for it. Beside that it hands on candles."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        working = asyncio.create_task(service.run())
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    def problems() -> list[str]:
        found = [] if service.registry.synced else ["the Strategies are not known yet"]
        found += [] if service.channels.synced else ["the NotificationChannels are not known yet"]
        found += [service.problem] if service.problem else []
        return found

    routes = [Route("/healthz", healthz), probes.readyz(problems), probes.metrics(service.metrics.registry)]
    routes.append(service.candles)
    return Starlette(routes=routes, lifespan=lifespan)
