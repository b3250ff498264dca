"""What the exchange can bear, and what happens when it does not answer. The clock is the test's."""

import asyncio

import pytest
from aiohttp import web

from support.localcluster import eventually
from support.markets import KLINES, Cache, Clock, running_cache

pytestmark = pytest.mark.integration

MARKETS_FRESH = 300
MARKETS_STALE = 6 * 3600


def klines(number: int) -> str:
    return f"klines?symbol=BTCUSDT&interval=1h&limit={number}"


async def stop_exchange(cache: Cache) -> None:
    assert cache.server is not None
    await cache.server.close()


async def test_a_hundred_questions_after_a_restart_are_no_burst() -> None:
    clock = Clock()
    clock.stop()
    limits = {"weight_per_minute": 1200, "max_concurrent": 4}
    settings = {"market_patience_seconds": 60}
    async with running_cache(exchange=limits, settings=settings, clock=clock) as cache:
        asking = [asyncio.create_task(cache.get(klines(number))) for number in range(1, 101)]
        # A second's worth of weight, two a question.
        await eventually(lambda: waiting(cache) == 100 - 8)
        assert (await cache.calls())["klines"] == 8
        for _ in range(100):
            clock.ahead += 5
            await asyncio.sleep(0.03)
            if all(task.done() for task in asking):
                break
        answers = await asyncio.gather(*asking)
        assert {answer.status for answer in answers} == {200}
        assert (await cache.calls())["klines"] == 100


def waiting(cache: Cache) -> int:
    return sum(lane.waiting for lane in cache.service.lanes.values())


async def test_no_more_calls_are_under_way_than_the_exchange_says() -> None:
    most, now = 0, 0

    async def slow(_: web.Request) -> web.Response:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return web.json_response([])

    upstream = web.Application()
    upstream.router.add_get("/api/v3/klines", slow)
    async with running_cache(upstream, exchange={"max_concurrent": 3}) as cache:
        await asyncio.gather(*(cache.get(klines(number)) for number in range(1, 31)))
    assert most == 3


async def test_what_is_too_much_is_answered_with_what_to_do() -> None:
    clock = Clock()
    clock.stop()
    async with running_cache(
        exchange={"weight_per_minute": 60}, settings={"market_queue": 2, "market_patience_seconds": 0.2}, clock=clock
    ) as cache:
        answers = await asyncio.gather(*(cache.get(klines(number)) for number in range(1, 6)))
        assert {answer.status for answer in answers} == {429}
        for answer in answers:
            assert int(answer.headers["Retry-After"]) >= 1
            assert "fewer pairs or longer candles ask less" in (await answer.json())["detail"]
        assert cache.requests() == {"limited": 5}
        async with cache.client.get(f"{cache.url}/_status") as status:
            assert (await status.json())["exchanges"]["binance"]["reason"] == "Slowed"


async def test_markets_are_given_stale_while_the_exchange_is_away_and_not_for_ever() -> None:
    clock = Clock()
    async with running_cache(clock=clock) as cache:
        fresh = await cache.get("exchangeInfo")
        await stop_exchange(cache)
        assert (await cache.get("exchangeInfo")).headers["X-Btcwatcher-Cache"] == "hit"
        clock.ahead = MARKETS_FRESH + 1
        stale = await cache.get("exchangeInfo")
        assert (stale.status, stale.headers["X-Btcwatcher-Cache"]) == (200, "stale")
        assert int(stale.headers["Age"]) >= MARKETS_FRESH
        assert stale.headers["Warning"].startswith("110 ")
        assert await stale.text() == await fresh.text()
        clock.ahead = MARKETS_FRESH + MARKETS_STALE + 1
        over = await cache.get("exchangeInfo")
        assert over.status == 502
        assert "cannot be reached" in (await over.json())["detail"]


async def test_markets_are_given_stale_while_the_exchange_bans_us() -> None:
    clock = Clock()
    async with running_cache(clock=clock) as cache:
        await cache.get("exchangeInfo")
        clock.ahead = MARKETS_FRESH + 1
        await cache.fault(path="/api/v3/exchangeInfo", status=418, retry_after=3600)
        for _ in range(2):
            assert (await cache.get("exchangeInfo")).headers["X-Btcwatcher-Cache"] == "stale"
        assert (await cache.calls())["exchangeInfo"] == 2
        async with cache.client.get(f"{cache.url}/_status") as status:
            assert (await status.json())["exchanges"]["binance"]["reason"] == "Banned"


async def test_a_candle_past_its_close_is_never_given() -> None:
    clock = Clock()
    async with running_cache(clock=clock) as cache:
        assert (await cache.get(KLINES)).status == 200
        clock.ahead = 1.0
        assert (await cache.get(KLINES)).headers["X-Btcwatcher-Cache"] == "hit"
        await stop_exchange(cache)
        clock.ahead = 3600.0
        assert (await cache.get(KLINES)).status == 502


async def test_an_exchange_that_is_slow_is_said_to_be() -> None:
    async with running_cache(settings={"market_timeout_seconds": 0.1}) as cache:
        await cache.fault(path="/api/v3/klines", latency_ms=1000)
        for number in range(1, 4):
            answer = await cache.get(klines(number))
            assert answer.status == 504
            assert "did not answer in time" in (await answer.json())["detail"]
        async with cache.client.get(f"{cache.url}/_status") as status:
            said = (await status.json())["exchanges"]["binance"]
        assert said["reason"] == "UpstreamFailing"
        assert "did not answer in time" in said["message"]


async def test_an_exchange_that_says_429_in_a_good_answer_is_left_alone() -> None:
    asked = 0

    async def limited(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"error": ["EGeneral:Too many requests"]})

    upstream = web.Application()
    upstream.router.add_get("/0/public/OHLC", limited)
    async with running_cache(upstream, exchange=of("kraken")) as cache:
        cache.service.registry.put({"metadata": {"name": "kraken"}, "spec": {"upstreams": {"public": cache.upstream}}})
        first = await cache.get("0/public/OHLC?pair=XBTUSD&interval=60")
        assert (first.status, "Too many" in await first.text()) == (200, True)
        assert (await cache.get("0/public/OHLC?pair=ETHUSD&interval=60")).status == 429
        assert asked == 1


def of(name: str) -> dict[str, object]:
    return {"name": name}
