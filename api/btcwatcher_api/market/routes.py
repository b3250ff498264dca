"""Each exchange's way out: its client, and a lane for each of its hosts. Follows the Exchanges as they change."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from btcwatcher_api import logs
from btcwatcher_api.market.endpoints import Table
from btcwatcher_api.market.exchanges import Exchange
from btcwatcher_api.market.lane import Lane
from btcwatcher_api.market.proxies import BadProxyError, ProxyMissingError, read_proxy
from btcwatcher_api.market.settings import MarketSettings
from btcwatcher_api.market.tables import table_of
from btcwatcher_api.market.upstream import Away, session_for

_log = logs.get("btcwatcher_api.market")


@dataclass(slots=True)
class Route:
    """Where a request goes."""

    exchange: Exchange
    table: Table
    base: str
    host: str
    lane: Lane
    session: aiohttp.ClientSession


class Routes:
    def __init__(self, settings: MarketSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._sessions: dict[str, tuple[str | None, aiohttp.ClientSession]] = {}
        self._retired: list[aiohttp.ClientSession] = []
        self.lanes: Final[dict[tuple[str, str], Lane]] = {}
        """By exchange and host."""

    def find(self, exchange: Exchange, api: str) -> Route | None:
        """None: the Exchange does not name this API. Raises Away when its proxy cannot be read."""
        base = exchange.upstreams.get(api)
        if base is None:
            return None
        table = table_of(exchange.name)
        host = urlsplit(base).netloc.rpartition("@")[2]
        per_minute = min(exchange.weight_per_minute, table.limits.get(api, exchange.weight_per_minute))
        lane = self.lanes.get((exchange.name, host))
        if lane is None:
            lane = Lane(
                per_minute,
                exchange.max_concurrent,
                most_waiting=self._settings.market_queue,
                patience=self._settings.market_patience_seconds,
                clock=self._clock,
            )
            self.lanes[exchange.name, host] = lane
        lane.adjust(per_minute, exchange.max_concurrent)
        return Route(exchange, table, base, host, lane, self._session(exchange))

    def lanes_of(self, exchange: Exchange) -> list[Lane]:
        return [lane for (name, _), lane in self.lanes.items() if name == exchange.name]

    async def close(self) -> None:
        for session in [*(session for _, session in self._sessions.values()), *self._retired]:
            await session.close()

    def _session(self, exchange: Exchange) -> aiohttp.ClientSession:
        try:
            proxy = read_proxy(exchange.proxy_url_file)
        except (ProxyMissingError, BadProxyError) as error:
            # Never around the proxy: the address would be another.
            raise Away(str(error)) from None
        known = self._sessions.get(exchange.name)
        if known is not None and known[0] == proxy:
            return known[1]
        if known is not None:
            # Calls may be under way in it: it is closed at the end.
            self._retired.append(known[1])
            _log.info("the proxy has changed", exchange=exchange.name)
        session = session_for(proxy, self._settings.market_timeout_seconds)
        self._sessions[exchange.name] = (proxy, session)
        return session
