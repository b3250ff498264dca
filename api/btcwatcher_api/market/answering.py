"""The way of a request through the cache: /<exchange>/<api>/<path>?<query>, over bare ASGI."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.types import Receive, Scope, Send

from btcwatcher_api import logs
from btcwatcher_api.market.bans import moment
from btcwatcher_api.market.caller import Caller
from btcwatcher_api.market.endpoints import Data
from btcwatcher_api.market.exchanges import Exchange
from btcwatcher_api.market.figures import MarketMetrics
from btcwatcher_api.market.lane import Banned, Crowded
from btcwatcher_api.market.privacy import Privacy, has_body, privacy
from btcwatcher_api.market.questions import TOLD_HEADERS, Args, Question, normalised, split_query
from btcwatcher_api.market.routes import Route, Routes
from btcwatcher_api.market.sharing import Result, Sharing
from btcwatcher_api.market.store import Answer
from btcwatcher_api.market.tables import table_of
from btcwatcher_api.market.upstream import Away, TooLong, call, passed_headers, unpacked
from btcwatcher_api.problems import MEDIA_TYPE, Problem

_log = logs.get("btcwatcher_api.market")
_RESULT_HEADER: Final = b"x-btcwatcher-cache"
_MOST_SENT: Final = 1024 * 1024
"""Largest body of a request that is passed on."""
Known = Callable[[str], Exchange | None]


class Market:
    """An ASGI app for everything but the probes."""

    def __init__(
        self,
        known: Known,
        routes: Routes,
        sharing: Sharing,
        caller: Caller,
        metrics: MarketMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._known = known
        self._routes = routes
        self._sharing = sharing
        self._caller = caller
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange, api, path = self._place(scope)
        name = exchange.name if exchange is not None else ""
        try:
            if exchange is None:
                raise Problem(404, f"no Exchange is named {_named(scope)!r}: this cache knows those of the cluster")
            headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
            args = split_query(scope["query_string"].decode("latin-1"))
            kind = privacy(scope["method"], headers, args, has_body(headers))
            if kind is Privacy.PRIVATE and not exchange.passes_signed:
                raise _Refused(403, _PRIVATE_SENTENCE)
            if kind is Privacy.PUBLIC:
                result = await self._public(exchange, api, path, args, scope, headers, send)
            else:
                result = Result.PASSED
                await self._pass(exchange, api, path, scope, headers, receive, send)
        except _HungUp:
            result = Result.ERROR
        except _Refused as problem:
            result = Result.REFUSED
            await _say(problem, result, send)
        except Banned as ban:
            result = Result.LIMITED
            await _say(self._left_alone(name, ban), result, send)
        except Crowded as crowd:
            result = Result.LIMITED
            await _say(_too_much(name, crowd), result, send)
        except Away as away:
            result = Result.ERROR
            await _say(Problem(504 if isinstance(away, TooLong) else 502, f"{name}: {away}"), result, send)
        except Problem as problem:
            result = Result.ERROR
            await _say(problem, result, send)
        self._metrics.requests.labels(name, result).inc()

    def _place(self, scope: Scope) -> tuple[Exchange | None, str, str]:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        name, _, rest = raw.decode("latin-1").lstrip("/").partition("/")
        api, _, path = rest.partition("/")
        return self._known(name), api, path

    async def _public(
        self, exchange: Exchange, api: str, path: str, args: Args, scope: Scope, headers: Mapping[str, str], send: Send
    ) -> Result:
        endpoint = table_of(exchange.name).find(api, path)
        told = tuple(sorted((name, value) for name, value in headers.items() if name in TOLD_HEADERS))
        question = Question(exchange.name, api, path, normalised(args, endpoint.candles), told)
        asker = scope["client"][0] if scope.get("client") else ""

        async def ask() -> Answer:
            return await self._caller.ask(self._route(exchange, api), endpoint, question, asker)

        if endpoint.data is Data.CLOCK:
            result, answer = Result.MISS, await ask()
        else:
            result, answer = await self._sharing.answer(question, ask)
        if answer.status == 429 and not answer.retry_after:
            # The next who asks is told how long; so is this one.
            self._route(exchange, api).lane.check()
        await self._give(answer, result, headers, send)
        return result

    def _route(self, exchange: Exchange, api: str) -> Route:
        route = self._routes.find(exchange, api)
        if route is None:
            known = ", ".join(sorted(exchange.upstreams))
            raise Problem(404, f"Exchange {exchange.name} names no upstream for the API {api!r}: it has {known}")
        return route

    async def _give(self, answer: Answer, result: Result, headers: Mapping[str, str], send: Send) -> None:
        body, encoding = answer.body, answer.encoding
        if encoding and encoding not in headers.get("accept-encoding", ""):
            body, encoding = unpacked(body, encoding), ""
        age = max(0, int(self._clock() - answer.came_ms / 1000))
        sent = [
            (b"content-type", answer.content_type.encode("latin-1")),
            (b"content-length", str(len(body)).encode()),
            (b"age", str(age).encode()),
            (_RESULT_HEADER, result.encode()),
        ]
        if encoding:
            sent.append((b"content-encoding", encoding.encode()))
        if answer.encoding:
            sent.append((b"vary", b"accept-encoding"))
        if result is Result.STALE:
            sent.append((b"warning", b'110 btc-watcher "the exchange does not answer: this is old"'))
        if answer.retry_after:
            sent.append((b"retry-after", answer.retry_after.encode("latin-1")))
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": body})

    async def _pass(
        self,
        exchange: Exchange,
        api: str,
        path: str,
        scope: Scope,
        headers: Mapping[str, str],
        receive: Receive,
        send: Send,
    ) -> None:
        """Hand a request on and its answer back. An order must not wait for budget; but it counts, and during a ban
        it would make that longer."""
        route = self._route(exchange, api)
        route.lane.check()
        route.lane.count(route.table.find(api, path).weight({}))
        body = await _body(receive)
        query = scope["query_string"].decode("latin-1")
        url = f"{route.base.rstrip('/')}/{path}" + (f"?{query}" if query else "")
        started = False
        try:
            async with call(route.session, url, passed_headers(headers), scope["method"], body) as response:
                self._caller.heed(route, response)
                back = [
                    (name.lower().encode("latin-1"), value.encode("latin-1"))
                    for name, value in passed_headers(response.headers).items()
                ]
                back.append((_RESULT_HEADER, Result.PASSED.encode()))
                await send({"type": "http.response.start", "status": response.status, "headers": back})
                started = True
                async for chunk in response.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except Away as error:
            self._caller.away(route, error)
            if not started:
                raise
            # The answer has begun: that it breaks off is all that can still be said.
            raise ConnectionError("the exchange broke off") from None

    def _left_alone(self, name: str, ban: Banned) -> Problem:
        seconds = math.ceil(max(1.0, ban.until - self._clock()))
        return Problem(
            429,
            f"{name} answered {ban.status} and is left alone until {moment(ban.until)}, for all bots; then ask again",
            headers={"Retry-After": str(seconds)},
        )


class _Refused(Problem):
    pass


class _HungUp(Exception):  # noqa: N818 - it is a state, not a mistake
    """Nobody is there to answer."""


_PRIVATE_SENTENCE: Final = (
    "only public market data goes through this cache: private endpoints of this exchange have an address of their own"
)


def _too_much(name: str, crowd: Crowded) -> Problem:
    return Problem(
        429,
        f"more is asked of {name} than its limit gives; fewer pairs or longer candles ask less, and a Proxy of its own"
        " gives an address of its own; then ask again",
        headers={"Retry-After": str(math.ceil(crowd.retry_after))},
    )


def _named(scope: Scope) -> str:
    return str(scope["path"]).lstrip("/").partition("/")[0][:64]


async def _body(receive: Receive) -> bytes:
    """Raises Problem, _HungUp."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _HungUp
        body += message.get("body", b"")
        if len(body) > _MOST_SENT:
            raise Problem(413, f"a request that is passed on has at most {_MOST_SENT // 1024} KiB")
        if not message.get("more_body"):
            return bytes(body)


async def _say(problem: Problem, result: Result, send: Send) -> None:
    body = problem.body("")
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (_RESULT_HEADER, result.encode()),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
