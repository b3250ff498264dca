"""The market-data cache on a port of its own, before the paper exchange, which counts what it is asked."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from btcwatcher_api.market.exchanges import Exchange, ExchangeRegistry
from btcwatcher_api.market.service import MarketService, create_market_app
from btcwatcher_api.market.settings import MarketSettings
from btcwatcher_api.settings import load
from btcwatcher_local.exchange import create_app
from support.listening import listening

KLINES = "klines?symbol=BTCUSDT&interval=1h&limit=1000"


@dataclass(slots=True)
class Cache:
    """`url` is where bots ask, without the exchange's name; `upstream` is the exchange's own."""

    url: str
    upstream: str
    service: MarketService
    client: aiohttp.ClientSession
    exchange: str
    server: BaseTestServer | None = None

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        """Of the exchange's public API; the body is read."""
        async with self.client.get(f"{self.url}/{self.exchange}/public/{path}", headers=headers) as answer:
            await answer.read()
            return answer

    async def calls(self) -> dict[str, int]:
        """What the exchange counted, by the last part of the path."""
        async with self.client.get(f"{self.upstream}/_stats") as answer:
            said = await answer.json()
        return {path.removeprefix("/api/v3/"): count for path, count in said["calls"].items()}

    async def fault(self, **fault: Any) -> None:
        async with self.client.post(f"{self.upstream}/_faults", json=fault) as answer:
            assert answer.status == 201, await answer.text()

    async def no_faults(self) -> None:
        async with self.client.delete(f"{self.upstream}/_faults") as answer:
            assert answer.status == 204

    def requests(self) -> dict[str, float]:
        """By result."""
        value = self.service.metrics.requests.collect()
        return {
            sample.labels["result"]: sample.value
            for family in value
            for sample in family.samples
            if sample.name.endswith("_total")
        }


class Clock:
    """Seconds since the epoch, which a test moves on."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.stopped_at: float | None = None

    def __call__(self) -> float:
        return (time.time() if self.stopped_at is None else self.stopped_at) + self.ahead

    def stop(self) -> None:
        self.stopped_at = time.time()


def client_of_many() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


@contextlib.asynccontextmanager
async def running_cache(
    upstream: web.Application | None = None,
    settings: Mapping[str, Any] | None = None,
    exchange: Mapping[str, Any] | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Cache]:
    """Before the paper exchange, or another `upstream`, which is Binance as long as `exchange` says nothing else."""
    async with TestServer(upstream if upstream is not None else create_app()) as server:
        base = str(server.make_url("")).rstrip("/")
        async with cache_before(base, settings, exchange, clock) as cache:
            cache.server = server
            yield cache


@contextlib.asynccontextmanager
async def cache_before(
    base: str,
    settings: Mapping[str, Any] | None = None,
    exchange: Mapping[str, Any] | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Cache]:
    """Before an exchange that runs already."""
    declared = {
        "name": "binance",
        "upstreams": {"public": f"{base}/api/v3"},
        # A new budget is nearly empty: what is not about it shall not wait for it.
        "weight_per_minute": 1_000_000,
        **(exchange or {}),
    }
    registry = ExchangeRegistry(Path("proxies"), [Exchange(**declared)])
    # All of it is in one process, on a busy machine: what is not about slowness shall not meet it.
    patient = {"market_timeout_seconds": 60, **(settings or {})}
    service = MarketService(load(MarketSettings, **patient), registry, clock)
    try:
        async with listening(create_market_app(service)) as url, client_of_many() as client:
            yield Cache(url, base, service, client, str(declared["name"]))
    finally:
        await service.close()
