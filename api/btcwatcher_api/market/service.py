"""The process: the cache, and /metrics, /healthz and /readyz beside it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from btcwatcher_api import probes
from btcwatcher_api.cluster.watch import EXCHANGES, Watch
from btcwatcher_api.market.answering import Market
from btcwatcher_api.market.caller import Caller
from btcwatcher_api.market.exchanges import ExchangeRegistry
from btcwatcher_api.market.figures import MarketMetrics
from btcwatcher_api.market.lane import Lane
from btcwatcher_api.market.routes import Routes
from btcwatcher_api.market.settings import MarketSettings
from btcwatcher_api.market.sharing import Sharing
from btcwatcher_api.market.state import state_of
from btcwatcher_api.market.store import Store
from btcwatcher_crds.market_status import MarketStatus
from btcwatcher_crds.names import MARKET_STATUS_PATH

_PROBES: Final = frozenset(("/healthz", "/readyz", "/metrics", MARKET_STATUS_PATH))


class MarketService:
    """With a `registry` nobody watches Kubernetes: its Exchanges are what the caller put there. `clock` gives seconds
    since the epoch."""

    def __init__(
        self,
        settings: MarketSettings,
        registry: ExchangeRegistry | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.registry: Final = registry if registry is not None else ExchangeRegistry(settings.market_proxies)
        self.store: Final = Store(settings.market_memory_mebibytes * 2**20)
        self._routes = Routes(settings, clock)
        self._sharing = Sharing(self.store, clock)
        self.metrics: Final = MarketMetrics(self.store, self._routes.lanes, self.registry.get, clock)
        self.market: Final = Market(
            self.registry.get, self._routes, self._sharing, Caller(self.metrics, clock), self.metrics, clock
        )

        self._watch: Final = Watch(EXCHANGES, self.registry, self.metrics.watches) if registry is None else None

    @property
    def lanes(self) -> Mapping[tuple[str, str], Lane]:
        """By exchange and host, as far as they were asked for."""
        return self._routes.lanes

    def status(self) -> MarketStatus:
        return MarketStatus(
            exchanges={
                exchange.name: state_of(exchange, self._routes.lanes_of(exchange))
                for exchange in self.registry.exchanges()
            }
        )

    async def run(self) -> None:
        """Until cancelled."""
        if self._watch is not None:
            await self._watch.run()

    async def close(self) -> None:
        await self._sharing.close()
        await self._routes.close()


def create_market_app(service: MarketService) -> ASGIApp:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(service.run())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await service.close()

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def status(_: Request) -> Response:
        return JSONResponse(service.status().model_dump(mode="json", by_alias=True))

    def problems() -> list[str]:
        return [] if service.registry.synced else ["the Exchanges are not known yet"]

    routes = [
        Route("/healthz", healthz),
        Route(MARKET_STATUS_PATH, status),
        probes.readyz(problems),
        probes.metrics(service.metrics.registry),
    ]
    beside = Starlette(routes=routes, lifespan=lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _PROBES:
            await service.market(scope, receive, send)
        else:
            await beside(scope, receive, send)

    return app
