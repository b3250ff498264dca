"""The paper exchange as an aiohttp application."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from btcwatcher_local.exchange import book, candles, params
from btcwatcher_local.exchange.exchange_info import exchange_info
from btcwatcher_local.exchange.faults import FaultError, Faults, Stats, error_of, parse_fault
from btcwatcher_local.exchange.markets import MARKETS, Market

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Clock = Callable[[], int]
Weigh = Callable[[web.Request], int]
_FAULTS = web.AppKey("faults", Faults)
_STATS = web.AppKey("stats", Stats)
_CLOCK: web.AppKey[Clock] = web.AppKey("clock")
_API = "/api/v3"


def wall_clock() -> int:
    """Now, in ms since the epoch."""
    return time.time_ns() // 1_000_000


def create_app(clock: Clock = wall_clock) -> web.Application:
    """The exchange, with its own faults and statistics. `clock` gives ms since the epoch."""
    app = web.Application(middlewares=[_count_and_fail, _binance_errors])
    app[_FAULTS] = Faults()
    app[_STATS] = Stats()
    app[_CLOCK] = clock
    app.router.add_get(f"{_API}/ping", _ping)
    app.router.add_get(f"{_API}/time", _time)
    app.router.add_get(f"{_API}/exchangeInfo", _exchange_info)
    app.router.add_get(f"{_API}/klines", _klines)
    app.router.add_get(f"{_API}/depth", _depth)
    app.router.add_get(f"{_API}/trades", _trades)
    app.router.add_get(f"{_API}/avgPrice", _average_price)
    app.router.add_get(f"{_API}/ticker/24hr", _day_ticker)
    app.router.add_get(f"{_API}/ticker/price", _price_ticker)
    app.router.add_get(f"{_API}/ticker/bookTicker", _book_ticker)
    app.router.add_post("/_faults", _add_fault)
    app.router.add_delete("/_faults", _clear_faults)
    app.router.add_get("/_stats", _stats)
    app.router.add_delete("/_stats", _reset_stats)
    return app


@web.middleware
async def _count_and_fail(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts each call to the exchange and lets the fault that holds for it happen."""
    if request.path.startswith("/_"):
        return await handler(request)
    weight = _weight(request)
    fault = request.app[_FAULTS].take(request.path, time.monotonic())
    if fault is not None and fault.latency_ms:
        await asyncio.sleep(fault.latency_ms / 1000)
    if fault is not None and fault.status is not None:
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        response: web.StreamResponse = web.json_response(error_of(fault.status), status=fault.status, headers=headers)
    else:
        response = await handler(request)
    request.app[_STATS].count(request.path, weight, response.status)
    response.headers["X-MBX-USED-WEIGHT-1M"] = str(weight)
    return response


@web.middleware
async def _binance_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal in Binance's form, {"code": ..., "msg": ...}."""
    try:
        return await handler(request)
    except params.BinanceError as error:
        return web.json_response({"code": error.code, "msg": error.message}, status=400)
    except web.HTTPNotFound:
        message = "The paper exchange has public spot market data only: no accounts, orders or futures."
        return web.json_response({"code": -1002, "msg": message}, status=404)
    except web.HTTPMethodNotAllowed as error:
        return web.json_response({"code": -1020, "msg": "This operation is not supported."}, status=error.status)


async def _ping(_: web.Request) -> web.Response:
    return web.json_response({})


async def _time(request: web.Request) -> web.Response:
    return web.json_response({"serverTime": request.app[_CLOCK]()})


async def _exchange_info(request: web.Request) -> web.Response:
    named = params.markets(request.query)
    symbols = None if named is None else [market.symbol for market in named]
    return web.json_response(exchange_info(request.app[_CLOCK](), symbols))


async def _klines(request: web.Request) -> web.Response:
    query = request.query
    market, interval = params.market(query), params.interval(query)
    start, end = params.whole(query, "startTime"), params.whole(query, "endTime")
    limit = params.limit(query, candles.DEFAULT_LIMIT, candles.MAX_LIMIT)
    now = request.app[_CLOCK]()
    rows = [
        candles.kline_row(market, interval, open_ms, now)
        for open_ms in candles.window(interval, now, start, end, limit)
    ]
    return web.Response(text=f"[{','.join(rows)}]", content_type="application/json")


async def _depth(request: web.Request) -> web.Response:
    market = params.market(request.query)
    limit = params.limit(request.query, 100, 5000)
    return web.json_response(book.depth_answer(market, request.app[_CLOCK](), limit))


async def _trades(request: web.Request) -> web.Response:
    market = params.market(request.query)
    limit = params.limit(request.query, 500, 1000)
    return web.json_response(book.trades_answer(market, request.app[_CLOCK](), limit))


async def _average_price(request: web.Request) -> web.Response:
    return web.json_response(book.average_price_answer(params.market(request.query), request.app[_CLOCK]()))


async def _day_ticker(request: web.Request) -> web.Response:
    return _one_or_many(request, book.day_ticker_answer)


async def _price_ticker(request: web.Request) -> web.Response:
    return _one_or_many(request, book.price_answer)


async def _book_ticker(request: web.Request) -> web.Response:
    return _one_or_many(request, book.book_ticker_answer)


def _one_or_many(request: web.Request, answer: Callable[[Market, int], book.Json]) -> web.Response:
    """An object for `symbol`, a list for `symbols` or all markets."""
    named = params.markets(request.query)
    now = request.app[_CLOCK]()
    markets: Iterable[Market] = MARKETS.values() if named is None else named
    answers = [answer(market, now) for market in markets]
    return web.json_response(answers[0] if "symbol" in request.query else answers)


async def _add_fault(request: web.Request) -> web.Response:
    try:
        fault = parse_fault(await request.json(), time.monotonic())
    except (FaultError, json.JSONDecodeError) as error:
        return web.json_response({"error": str(error)}, status=400)
    request.app[_FAULTS].add(fault)
    return web.json_response({}, status=201)


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[_FAULTS].clear()
    return web.Response(status=204)


async def _stats(request: web.Request) -> web.Response:
    return web.json_response(request.app[_STATS].to_json())


async def _reset_stats(request: web.Request) -> web.Response:
    request.app[_STATS].clear()
    return web.Response(status=204)


def _weight(request: web.Request) -> int:
    """Binance's request weight of this call (its documentation of 2025)."""
    path = request.path.removeprefix(_API)
    one = "symbol" in request.query
    match path:
        case "/exchangeInfo":
            return 20
        case "/klines" | "/avgPrice":
            return 2
        case "/trades":
            return 25
        case "/ticker/24hr":
            return 2 if one else 80
        case "/ticker/price" | "/ticker/bookTicker":
            return 2 if one else 4
        case "/depth":
            return _depth_weight(request.query.get("limit", "100"))
    return 1


def _depth_weight(limit: str) -> int:
    size = int(limit) if limit.isdecimal() else 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if size <= most), 250)
