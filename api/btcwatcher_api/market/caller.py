"""One call for a question: in its turn, counted, and what the exchange says of limits is heeded for all."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from btcwatcher_api import logs
from btcwatcher_api.market import bans
from btcwatcher_api.market.endpoints import Endpoint, Verdict
from btcwatcher_api.market.figures import MarketMetrics
from btcwatcher_api.market.freshness import Lifetime, Times, lifetime
from btcwatcher_api.market.questions import Question
from btcwatcher_api.market.routes import Route
from btcwatcher_api.market.store import Answer
from btcwatcher_api.market.upstream import Away, asked_headers, call, lag_ms, unpacked, whole_body

_log = logs.get("btcwatcher_api.market")
_PASSING: Final = (bans.BANNED, bans.TOO_MANY)
_LARGE: Final = 256 * 1024
"""Packed answers above this are unpacked beside the event loop."""


class Caller:
    def __init__(self, metrics: MarketMetrics, clock: Callable[[], float] = time.time) -> None:
        self._metrics = metrics
        self._clock = clock
        self._quiet = logs.Throttle(seconds=60.0)

    async def ask(self, route: Route, endpoint: Endpoint, question: Question, asker: str) -> Answer:
        """Raises Away, Banned, Crowded."""
        args = dict(question.args)
        weight = endpoint.weight(args)
        url = f"{route.base.rstrip('/')}/{question.path}" + (f"?{question.query}" if question.args else "")
        async with route.lane.turn(asker, weight):
            self._metrics.weight.labels(route.exchange.name, route.host).inc(weight)
            begin, asked_ms = time.monotonic(), self._clock() * 1000
            try:
                async with call(route.session, url, headers=asked_headers(question.headers)) as response:
                    came_ms = self._clock() * 1000
                    packed = await whole_body(response)
            except Away as error:
                self.away(route, error)
                raise
            self._metrics.call_seconds.labels(route.exchange.name).observe(time.monotonic() - begin)
            self.heed(route, response)
        return await self._answer(route, endpoint, args, response, packed, asked_ms, came_ms)

    def heed(self, route: Route, response: aiohttp.ClientResponse) -> None:
        """Count the call, and what its answer says of weight and bans."""
        self._metrics.calls.labels(route.exchange.name, route.host, str(response.status)).inc()
        if response.status >= 500:
            route.lane.failed(f"{route.host} answers with status {response.status}.")
        else:
            route.lane.answered()
        used = response.headers.get(route.table.used_header, "") if route.table.used_header else ""
        if used.isascii() and used.isdecimal():
            route.lane.told(int(used))
        self._leave_alone(
            route,
            bans.pause_seconds(response.status, response.headers.get("Retry-After", ""), self._clock()),
            response.status,
        )

    def _leave_alone(self, route: Route, seconds: float, status: int) -> None:
        if seconds and route.lane.ban(seconds, status):
            _log.warning(
                "the exchange wants to be left alone",
                exchange=route.exchange.name,
                host=route.host,
                status=status,
                seconds=round(seconds),
            )

    def away(self, route: Route, error: Away) -> None:
        self._metrics.calls.labels(route.exchange.name, route.host, "away").inc()
        route.lane.failed(f"{route.host}: {error}.")
        quiet = self._quiet.allows((route.exchange.name, route.host))
        if quiet is not None:
            _log.warning(
                "no answer of the exchange",
                exchange=route.exchange.name,
                host=route.host,
                reason=str(error),
                more=quiet,
            )

    async def _answer(
        self,
        route: Route,
        endpoint: Endpoint,
        args: dict[str, str],
        response: aiohttp.ClientResponse,
        packed: bytes,
        asked_ms: float,
        came_ms: float,
    ) -> Answer:
        encoding = response.headers.get("Content-Encoding", "").strip().lower().replace("identity", "")
        if encoding not in ("", "gzip"):
            raise Away(f"the answer is packed as {encoding[:20]}, which was not asked for")
        lag = lag_ms(response.headers.get("Date", ""), came_ms)

        def look() -> tuple[Verdict, Lifetime]:
            body = unpacked(packed, encoding)
            verdict = route.table.judge(response.status, body)
            if verdict is Verdict.GOOD:
                return verdict, lifetime(endpoint, args, body, Times(asked_ms, came_ms, lag))
            return verdict, Lifetime(came_ms, came_ms)

        verdict, life = await asyncio.to_thread(look) if len(packed) > _LARGE else look()
        if verdict is Verdict.LIMITED:
            # The exchange does not say how long: as for a 429 without Retry-After.
            self._leave_alone(route, bans.pause_seconds(bans.TOO_MANY, "", self._clock()), response.status)
        return Answer(
            response.status,
            response.headers.get("Content-Type", "application/json"),
            encoding,
            packed,
            came_ms,
            life,
            response.headers.get("Retry-After", ""),
            passing=verdict is Verdict.LIMITED or response.status in _PASSING or response.status >= 500,
        )
