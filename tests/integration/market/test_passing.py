"""What the cache hands on: signed requests as they are, answers as they are packed, calls through a proxy."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from support.markets import KLINES, running_cache
from support.proxies import TestProxy, proxies

pytestmark = pytest.mark.integration

PASSES = {"passes_signed": True}


async def echo(request: web.Request) -> web.Response:
    said = {
        "method": request.method,
        "query": request.rel_url.raw_query_string,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": await request.text(),
    }
    return web.json_response(said, status=201, headers={"X-Mbx-Order-Count-10s": "1", "Set-Cookie": "a=b"})


def echoing() -> web.Application:
    upstream = web.Application()
    upstream.router.add_route("*", "/api/v3/{rest:.*}", echo)
    return upstream


async def test_a_signed_request_is_handed_on_as_it_is() -> None:
    async with running_cache(echoing(), exchange=PASSES) as cache:
        url = f"{cache.url}/binance/public/order?b=2&a=%5B1%5D&signature=s"
        headers = {"X-MBX-APIKEY": "k", "X-Forwarded-For": "10.0.0.1", "Keep-Alive": "timeout=5"}
        async with cache.client.post(URL(url, encoded=True), data=b"side=BUY", headers=headers) as answer:
            said = await answer.json()
            assert answer.status == 201
            assert answer.headers["X-Mbx-Order-Count-10s"] == "1"
        # A signature is over the arguments in their order.
        assert (said["method"], said["query"], said["body"]) == ("POST", "b=2&a=%5B1%5D&signature=s", "side=BUY")
        assert said["headers"]["x-mbx-apikey"] == "k"
        assert said["headers"]["host"] in cache.upstream
        assert not {"x-forwarded-for", "keep-alive"} & said["headers"].keys()


async def test_a_request_with_an_unknown_header_is_handed_on_and_not_kept() -> None:
    async with running_cache() as cache:
        for _ in range(2):
            answer = await cache.get(KLINES, **{"X-Whatever": "1"})
            assert (answer.status, answer.headers["X-Btcwatcher-Cache"]) == (200, "passed")
        assert (await cache.calls())["klines"] == 2


async def test_during_a_ban_nothing_is_handed_on() -> None:
    async with running_cache(exchange=PASSES) as cache:
        await cache.fault(path="/api/v3/klines", status=418, retry_after=60)
        await cache.get(KLINES)
        answer = await cache.get("account?signature=s")
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 50


async def test_a_header_that_changes_the_answer_makes_another_question() -> None:
    async with running_cache(echoing()) as cache:
        for _ in range(2):
            plain = await cache.get("ticker/24hr")
            told = await cache.get("ticker/24hr", **{"X-Gate-Size-Decimal": "1"})
        assert "x-gate-size-decimal" not in await plain.text()
        assert "x-gate-size-decimal" in await told.text()


async def test_a_packed_answer_stays_packed_for_who_can_read_it() -> None:
    packed = gzip.compress(json.dumps([[1, "2"]]).encode())

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "gzip"
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

    upstream = web.Application()
    upstream.router.add_get("/api/v3/klines", answer)
    async with running_cache(upstream) as cache:
        url = f"{cache.url}/binance/public/{KLINES}"
        read = await cache.get(KLINES)
        assert (read.headers["Content-Encoding"], read.headers["Content-Length"]) == ("gzip", str(len(packed)))
        assert await read.json() == [[1, "2"]]
        async with cache.client.get(url, headers={"Accept-Encoding": "identity"}) as plain:
            assert "Content-Encoding" not in plain.headers
            assert plain.headers["Vary"] == "accept-encoding"
            assert await plain.json() == [[1, "2"]]


@pytest.fixture
def socks() -> Iterator[TestProxy]:
    with proxies() as made:
        yield made("socks5", "me", "sesame")


async def test_calls_go_through_the_proxy_and_never_around_it(socks: TestProxy, tmp_path: Path) -> None:
    file = tmp_path / "tokyo" / "url"
    file.parent.mkdir()
    async with running_cache(exchange={"proxy_url_file": file}) as cache:

        async def state() -> str:
            async with cache.client.get(f"{cache.url}/_status") as status:
                said = await status.json()
            assert "sesame" not in json.dumps(said)
            return str(said["exchanges"]["binance"]["reason"])

        assert (await cache.get("klines?symbol=BTCUSDT&interval=1h")).status == 502
        assert await state() == "SecretMissing"
        file.write_text("ftp://me:sesame@nowhere\n")
        assert (await cache.get("klines?symbol=BTCUSDT&interval=1h")).status == 502
        assert await state() == "UrlInvalid"
        file.write_text(socks.url + "\n")
        assert (await cache.get("klines?symbol=BTCUSDT&interval=1h")).status == 200
        assert len(socks.asked) == 1
        assert await state() == "Serving"


async def test_an_http_proxy_too(tmp_path: Path) -> None:
    seen = []

    async def forward(request: web.BaseRequest) -> web.Response:
        seen.append(request.raw_path)
        return web.json_response([])

    file = tmp_path / "url"
    runner = web.ServerRunner(web.Server(forward))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        file.write_text(f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with running_cache(exchange={"proxy_url_file": file}) as cache:
            assert (await cache.get("klines?symbol=BTCUSDT&interval=1h")).status == 200
            assert seen == [f"{cache.upstream}/api/v3/klines?interval=1h&symbol=BTCUSDT"]
    finally:
        await runner.cleanup()
