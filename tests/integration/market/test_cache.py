"""The cache before the paper exchange: how often the exchange is asked, and what bots get."""

import asyncio
import json

import aiohttp
import pytest

from support.localcluster import eventually
from support.markets import KLINES, running_cache

pytestmark = pytest.mark.integration


async def test_fifty_who_ask_at_once_are_one_call() -> None:
    async with running_cache() as cache:
        await cache.fault(path="/api/v3/klines", latency_ms=200)
        answers = await asyncio.gather(*(cache.get(KLINES) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        assert len({await answer.text() for answer in answers}) == 1
        assert (await cache.calls())["klines"] == 1
        assert cache.requests() == {"miss": 1, "joined": 49}
        again = await cache.get(KLINES)
        assert again.headers["X-Btcwatcher-Cache"] == "hit"
        assert (await cache.calls())["klines"] == 1


async def test_the_answer_is_the_exchange_s_own() -> None:
    async with running_cache() as cache:
        through = await (await cache.get(KLINES)).json()
        async with cache.client.get(f"{cache.upstream}/api/v3/{KLINES}") as direct:
            # The running candle goes on; all before it is final.
            assert through[:-1] == (await direct.json())[:-1]


async def test_the_order_of_arguments_makes_no_other_question() -> None:
    async with running_cache() as cache:
        await cache.get("klines?symbol=BTCUSDT&interval=1h&limit=10")
        other = await cache.get("klines?limit=10&interval=1h&symbol=BTCUSDT")
        assert other.headers["X-Btcwatcher-Cache"] == "hit"


async def test_who_hangs_up_does_not_end_the_call_of_others() -> None:
    async with running_cache() as cache:
        await cache.fault(path="/api/v3/klines", latency_ms=500)
        timeout = aiohttp.ClientTimeout(total=0.1)
        with pytest.raises(TimeoutError):
            await cache.client.get(f"{cache.url}/binance/public/{KLINES}", timeout=timeout)
        answer = await cache.get(KLINES)
        assert answer.status == 200
        assert answer.headers["X-Btcwatcher-Cache"] == "joined"
        assert (await cache.calls())["klines"] == 1


async def test_an_error_is_given_to_all_who_wait_and_to_nobody_later() -> None:
    async with running_cache() as cache:
        answer = await cache.get("klines?symbol=NONE&interval=1h")
        assert (answer.status, (await answer.json())["code"]) == (400, -1121)
        await cache.get("klines?symbol=NONE&interval=1h")
        assert (await cache.calls())["klines"] == 2


async def test_the_exchange_s_time_is_asked_anew_each_time() -> None:
    async with running_cache() as cache:
        first, second = [(await (await cache.get("time")).json())["serverTime"] for _ in range(2)]
        assert first <= second
        assert (await cache.calls())["time"] == 2


async def test_after_429_nobody_asks_until_it_is_over() -> None:
    async with running_cache() as cache:
        await cache.fault(path="/api/v3/klines", status=429, retry_after=2, count=1)
        first = await cache.get(KLINES)
        assert first.status == 429
        before = await cache.calls()
        other = await cache.get("klines?symbol=ETHUSDT&interval=1h")
        assert other.status == 429
        assert int(other.headers["Retry-After"]) in (1, 2)
        assert "left alone until" in (await other.json())["detail"]
        assert await cache.calls() == before

        async def served() -> bool:
            return (await cache.get("klines?symbol=ETHUSDT&interval=1h")).status == 200

        await eventually(served, 10)


async def test_a_signed_request_is_passed_on_and_never_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with running_cache(exchange={"passes_signed": True}) as cache:
        caplog.set_level("DEBUG")
        signed = "klines?symbol=BTCUSDT&interval=1h&signature=sesame"
        for _ in range(2):
            answer = await cache.get(signed, **{"X-MBX-APIKEY": "open"})
            assert answer.headers["X-Btcwatcher-Cache"] == "passed"
            assert answer.status == 200
        assert (await cache.calls())["klines"] == 2
        assert len(cache.service.store) == 0
        # The access logs of the two servers in this process are this test's; ours has none.
        said = "".join(record.getMessage() for record in caplog.records if not record.name.endswith(".access"))
        assert "sesame" not in said
        assert "open" not in said


async def test_a_signed_request_is_refused_where_it_has_an_address_of_its_own() -> None:
    async with running_cache() as cache:
        answer = await cache.get("account?signature=sesame")
        assert answer.status == 403
        assert "address of their own" in (await answer.json())["detail"]
        async with cache.client.post(f"{cache.url}/binance/public/order", data=b"x") as posted:
            assert posted.status == 403
        assert await cache.calls() == {}


async def test_what_is_not_there_is_said() -> None:
    async with running_cache() as cache:
        async with cache.client.get(f"{cache.url}/nowhere/public/x") as answer:
            assert answer.status == 404
            assert "no Exchange is named 'nowhere'" in (await answer.json())["detail"]
        async with cache.client.get(f"{cache.url}/binance/none/x") as answer:
            assert answer.status == 404
            assert "it has public" in (await answer.json())["detail"]


async def test_probes_figures_and_state() -> None:
    async with running_cache() as cache:
        async with cache.client.get(f"{cache.url}/_status") as answer:
            assert (await answer.json())["exchanges"]["binance"]["reason"] == "NotAsked"
        await cache.get(KLINES)
        for path in ("healthz", "readyz"):
            async with cache.client.get(f"{cache.url}/{path}") as answer:
                assert answer.status == 200
        async with cache.client.get(f"{cache.url}/_status") as answer:
            assert json.loads(await answer.text())["exchanges"]["binance"]["reason"] == "Serving"
        async with cache.client.get(f"{cache.url}/metrics") as answer:
            text = await answer.text()
        assert 'btcwatcher_market_requests_total{exchange="binance",result="miss"} 1.0' in text
        assert "btcwatcher_market_weight_used{" in text
        cache.service.registry.remove({"metadata": {"name": "binance"}})
        async with cache.client.get(f"{cache.url}/metrics") as answer:
            assert "btcwatcher_market_weight_used{" not in await answer.text()
