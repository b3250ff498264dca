import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from btcwatcher_local.exchange import create_app, exchange_defaults
from btcwatcher_local.exchange.markets import MARKETS

NOW_MS = 1_795_400_012_345
Client = TestClient[Any, Any]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(create_app(lambda: NOW_MS))) as client:
        yield client


async def get(client: Client, path: str, **query: object) -> Any:
    answer = await client.get(path, params={name: str(value) for name, value in query.items()})
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_time_and_ping(client: Client) -> None:
    assert await get(client, "/api/v3/ping") == {}
    assert await get(client, "/api/v3/time") == {"serverTime": NOW_MS}


async def test_exchange_info_lists_all_or_the_named(client: Client) -> None:
    everything = await get(client, "/api/v3/exchangeInfo")
    assert len(everything["symbols"]) == len(MARKETS)
    some = await get(client, "/api/v3/exchangeInfo", symbols='["BTCUSDT","ETHBTC"]')
    assert [symbol["symbol"] for symbol in some["symbols"]] == ["BTCUSDT", "ETHBTC"]
    filters = {entry["filterType"]: entry for entry in some["symbols"][0]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"


async def test_klines_default_and_highest_limit(client: Client) -> None:
    assert len(await get(client, "/api/v3/klines", symbol="BTCUSDT", interval="1m")) == 500
    assert len(await get(client, "/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=5000)) == 1000


async def test_book_tickers_and_trades_agree_with_the_candle(client: Client) -> None:
    last = (await get(client, "/api/v3/klines", symbol="SOLUSDT", interval="1m", limit=1))[0][4]
    book = await get(client, "/api/v3/depth", symbol="SOLUSDT", limit=5)
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert float(book["bids"][0][0]) < float(last) < float(book["asks"][0][0])
    bids = [float(level[0]) for level in book["bids"]]
    assert bids == sorted(bids, reverse=True)
    assert (await get(client, "/api/v3/ticker/price", symbol="SOLUSDT"))["price"] == last
    assert (await get(client, "/api/v3/ticker/24hr", symbol="SOLUSDT"))["lastPrice"] == last
    assert (await get(client, "/api/v3/ticker/bookTicker", symbol="SOLUSDT"))["bidPrice"] == book["bids"][0][0]
    trades = await get(client, "/api/v3/trades", symbol="SOLUSDT", limit=3)
    assert [trade["id"] for trade in trades] == sorted(trade["id"] for trade in trades)
    assert trades[-1]["price"] == last
    assert (await get(client, "/api/v3/avgPrice", symbol="SOLUSDT"))["mins"] == 5


async def test_tickers_of_all_markets(client: Client) -> None:
    for path in ("24hr", "price", "bookTicker"):
        assert len(await get(client, f"/api/v3/ticker/{path}")) == len(MARKETS)
    assert len(await get(client, "/api/v3/ticker/price", symbols='["BTCUSDT"]')) == 1


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("klines?symbol=FOOUSDT&interval=1m", 400, -1121, "Invalid symbol."),
        ("klines?symbol=BTC/USDT&interval=1m", 400, -1100, "Illegal characters found in parameter 'symbol'"),
        ("klines?symbol=BTCUSDT&interval=7m", 400, -1120, "Invalid interval."),
        ("klines?symbol=BTCUSDT", 400, -1102, "Mandatory parameter 'interval' was not sent"),
        ("klines?symbol=BTCUSDT&interval=1m&limit=x", 400, -1100, "Illegal characters found in parameter 'limit'"),
        ("klines?symbol=BTCUSDT&interval=1m&startTime=-1", 400, -1100, "'startTime'"),
        ("depth", 400, -1102, "Mandatory parameter 'symbol' was not sent"),
        ("ticker/price?symbol=BTCUSDT&symbols=[]", 400, -1128, "Combination of optional parameters invalid."),
        ("exchangeInfo?symbols=[]", 400, -1100, "'symbols'"),
        ("account", 404, -1002, "no accounts"),
    ],
)
async def test_refuses_as_binance_does(client: Client, path: str, status: int, code: int, words: str) -> None:
    answer = await client.get(f"/api/v3/{path}")
    body = await answer.json()
    assert (answer.status, body["code"]) == (status, code)
    assert words in body["msg"]


async def test_orders_are_refused(client: Client) -> None:
    assert (await client.post("/api/v3/order")).status == 404
    assert (await client.post("/api/v3/ping")).status == 405


async def test_fault_with_status_ends_after_its_count(client: Client) -> None:
    fault = {"status": 429, "retry_after": 7, "path": "/api/v3/depth", "count": 1}
    assert (await client.post("/_faults", json=fault)).status == 201
    assert (await client.get("/api/v3/time")).status == 200, "another path"
    answer = await client.get("/api/v3/depth?symbol=BTCUSDT")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert (await answer.json())["code"] == -1003
    assert (await client.get("/api/v3/depth?symbol=BTCUSDT")).status == 200


async def test_fault_ends_with_its_time_or_when_cleared(client: Client) -> None:
    await client.post("/_faults", json={"status": 503, "seconds": 0.1})
    assert (await client.get("/api/v3/time")).status == 503
    await asyncio.sleep(0.15)
    assert (await client.get("/api/v3/time")).status == 200
    await client.post("/_faults", json={"status": 500})
    assert (await client.get("/api/v3/time")).status == 500
    assert (await client.delete("/_faults")).status == 204
    assert (await client.get("/api/v3/time")).status == 200


async def test_latency_delays_a_good_answer(client: Client) -> None:
    await client.post("/_faults", json={"latency_ms": 120})
    started = time.monotonic()
    assert (await client.get("/api/v3/time")).status == 200
    assert time.monotonic() - started >= 0.12


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({}, "say latency_ms, status or both"),
        ({"status": 200}, "status is from 400 to 599"),
        ({"status": "500"}, "status is a number"),
        ({"status": 500, "path": "api"}, "path begins with /"),
        ({"status": 500, "for": 3}, "unknown keys for"),
        ({"latency_ms": -1}, "zero or more"),
        ([], "a JSON object"),
    ],
)
async def test_fault_that_is_none_is_refused(client: Client, fault: object, words: str) -> None:
    answer = await client.post("/_faults", json=fault)
    assert answer.status == 400
    assert words in (await answer.json())["error"]


async def test_stats_count_calls_weights_and_statuses(client: Client) -> None:
    await client.get("/api/v3/time")
    await client.get("/api/v3/depth?symbol=BTCUSDT&limit=1000")
    await client.get("/api/v3/depth?symbol=NONE")
    stats = await get(client, "/_stats")
    assert stats["calls"] == {"/api/v3/time": 1, "/api/v3/depth": 2}
    assert stats["weights"] == {"/api/v3/time": 1, "/api/v3/depth": 55}
    assert stats["statuses"] == {"200": 2, "400": 1}
    assert (await client.delete("/_stats")).status == 204
    assert (await get(client, "/_stats"))["totalCalls"] == 0


def test_defaults_send_every_call_here() -> None:
    defaults: Any = exchange_defaults("http://127.0.0.1:9000/")
    roots = defaults["exchange"]["ccxt_config"]["urls"]["api"]
    assert roots["public"] == "http://127.0.0.1:9000/api/v3"
    assert all(url.startswith("http://127.0.0.1:9000/") for url in roots.values())
    assert "name" not in defaults["exchange"]
