"""The webhook on a real socket, byte by byte: the short way, and the hand-over to uvicorn for all that is not plain."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from btcwatcher_api.signals import fastlane, webhook
from support import api
from support.api import FREQTRADE, STRATEGY, Api, token

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]
BASIC = b"Basic " + base64.b64encode(f"{STRATEGY}:{token()}".encode())
PATH = api.webhook().encode()


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class Caller:
    """A client that writes exactly the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(30):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(head[0].split()[1]), headers, json.loads(body) if body else None)

    async def closed(self) -> bool:
        async with asyncio.timeout(30):
            return await self.reader.read() == b""


class Place:
    """The API on a socket."""

    def __init__(self, served: Api, port: int, connections: set[Any]) -> None:
        self.served = served
        self.port = port
        self.connections = connections

    async def call(self) -> Caller:
        return Caller(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**24))

    def lanes(self) -> list[fastlane.WebhookProtocol]:
        return [one for one in self.connections if isinstance(one, fastlane.WebhookProtocol)]


@pytest.fixture
async def place(served: Api) -> AsyncIterator[Place]:
    assert served.app is not None
    async with api.listening(served.app) as server:
        yield Place(served, api.port_of(server), server.server_state.connections)


def request(body: Any, *more: bytes, authorization: bytes = BASIC, path: bytes = PATH) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = [b"Host: api", b"Authorization: " + authorization, b"Content-Length: %d" % len(raw), *more]
    return b"POST %s HTTP/1.1\r\n%s\r\n\r\n%s" % (path, b"\r\n".join(headers), raw)


def entry(number: int) -> dict[str, Any]:
    return {**ENTRY, "trade_id": str(number)}


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM signals").fetchone()
        return int(row[0]) if row else 0


async def test_a_connection_is_kept_and_stays_on_the_short_way(place: Place, postgres_url: str) -> None:
    caller = await place.call()
    ids = set()
    for number in range(5):
        await caller.send(request(entry(number), b"X-Request-ID: mine-%d" % number))
        answer = await caller.answer()
        assert (answer.status, answer.body["status"]) == (202, "accepted")
        assert answer.headers["x-request-id"] == f"mine-{number}"
        assert answer.headers["content-type"] == "application/json"
        assert "date" in answer.headers
        ids.add(answer.body["id"])
    assert len(place.lanes()) == 1
    assert len(ids) == count(postgres_url) == 5


async def test_pipelined_requests_are_answered_in_order(place: Place, postgres_url: str) -> None:
    caller = await place.call()
    wrong = b"Basic " + base64.b64encode(b"x:wrong")
    await caller.send(
        request(entry(1))
        + request(entry(2), authorization=wrong)
        + request({**ENTRY, "pair": 5})
        + request(FREQTRADE["new_candle"])
        + request(entry(1))
        + b"GET /healthz HTTP/1.1\r\nHost: api\r\n\r\n"
        + request(entry(3))
    )
    answers = [await caller.answer() for _ in range(7)]
    assert [answer.status for answer in answers] == [202, 401, 422, 202, 202, 200, 202]
    assert answers[0].body["id"] == answers[4].body["id"] != answers[6].body["id"]
    assert [error["field"] for error in answers[2].body["errors"]] == ["pair"]
    assert answers[1].headers["www-authenticate"].startswith("basic")
    assert len({answer.headers["x-request-id"] for answer in answers}) == 7
    assert count(postgres_url) == 2
    # What brought anything but plain webhooks is uvicorn's from then on.
    assert place.lanes() == []


async def test_a_request_in_pieces(place: Place, postgres_url: str) -> None:
    caller = await place.call()
    for byte in request(entry(1)):
        await caller.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await caller.answer()).status == 202
    head, _, body = request(entry(2)).partition(b"\r\n\r\n")
    await caller.send(head + b"\r\n\r\n")
    await asyncio.sleep(0.05)
    await caller.send(body)
    assert (await caller.answer()).status == 202
    assert len(place.lanes()) == 1
    assert count(postgres_url) == 2


def chunked(body: Any) -> bytes:
    raw = json.dumps(body).encode()
    head = b"POST %s HTTP/1.1\r\nHost: api\r\nAuthorization: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % (PATH, BASIC)
    return (
        head
        + b"".join(b"1\r\n%c\r\n" % byte for byte in raw[:50])
        + b"%x\r\n%s\r\n0\r\n\r\n"
        % (
            len(raw) - 50,
            raw[50:],
        )
    )


async def test_chunked_bodies(place: Place, postgres_url: str) -> None:
    caller = await place.call()
    await caller.send(request(entry(1)) + chunked(entry(2)) + request(entry(3)))
    assert [(await caller.answer()).status for _ in range(3)] == [202, 202, 202]
    assert count(postgres_url) == 3


async def test_who_expects_100_gets_it(place: Place) -> None:
    caller = await place.call()
    head, _, body = request(entry(1), b"Expect: 100-continue").partition(b"\r\n\r\n")
    await caller.send(head + b"\r\n\r\n")
    assert (await caller.answer()).status == 100
    await caller.send(body)
    assert (await caller.answer()).status == 202


@pytest.mark.parametrize("more", [b"Connection: close", b"connection: Close"])
async def test_who_asks_for_it_is_hung_up_on(place: Place, more: bytes) -> None:
    caller = await place.call()
    await caller.send(request(entry(1), more))
    answer = await caller.answer()
    assert (answer.status, answer.headers["connection"]) == (202, "close")
    assert await caller.closed()


async def test_a_body_over_the_limit(place: Place) -> None:
    caller = await place.call()
    await caller.send(request(b"x" * (256 * 1024 + 1)))
    answer = await caller.answer()
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    just_fits = await place.call()
    await just_fits.send(request({"type": "warning", "status": "x" * 60_000}))
    assert (await just_fits.answer()).status == 202


@pytest.mark.parametrize(
    "bad",
    [
        b"POST %s HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} " % PATH,
        b"POST %s HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}" % PATH,
        b"POST %s HTTP/1.1\r\nContent-Length : 2\r\n\r\n{}" % PATH,
        b"POST %s HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}" % PATH,
        b"POST %s HTTP/1.1\r\nA: b\nContent-Length: 2\r\n\r\n{}" % PATH,
        b"POST %s HTTP/1.1\r\nA b\r\n\r\n" % PATH,
        b"nonsense\r\n\r\n",
    ],
)
async def test_bad_requests_are_400_and_closed(place: Place, postgres_url: str, bad: bytes) -> None:
    caller = await place.call()
    await caller.send(bad + request(entry(1)))
    head = (await caller.reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 400")
    await caller.reader.read()
    assert count(postgres_url) == 0


@pytest.mark.parametrize("path", [PATH + b"/", PATH.upper(), b"/api/v1/signals/webhook/", PATH + b"%2F", b"/" + PATH])
async def test_paths_that_only_look_alike_are_none(place: Place, path: bytes) -> None:
    caller = await place.call()
    await caller.send(request(entry(1), path=path))
    answer = await caller.answer()
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_request_that_does_not_become_complete_ends(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastlane, "_SLOW_SECONDS", 0.2)
    monkeypatch.setattr(webhook, "_BODY_SECONDS", 0.3)
    caller = await place.call()
    [lane] = place.lanes()
    await caller.send(request(entry(1))[:-20])
    await asyncio.sleep(0.3)
    await caller.send(b" ")
    lane._look()
    answer = await caller.answer()
    assert (answer.status, answer.headers["content-type"]) == (408, "application/problem+json")
    assert place.lanes() == []


async def test_an_idle_connection_is_closed_and_a_silent_one_is_not(place: Place) -> None:
    silent, caller = await place.call(), await place.call()
    await caller.send(request(entry(1)))
    await caller.answer()
    for lane in place.lanes():
        lane._last -= 100
        lane._look()
        lane._look()
    assert await caller.closed()
    await silent.send(request(entry(2)))
    assert (await silent.answer()).status == 202


async def test_a_sender_who_hangs_up_leaves_its_signal_and_nothing_else(
    place: Place, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(postgres_url) as connection:
        await asyncio.to_thread(connection.execute, "LOCK TABLE signals IN ACCESS EXCLUSIVE MODE")
        callers = [await place.call() for _ in range(5)]
        for number, caller in enumerate(callers):
            await caller.send(request(entry(number)) + request(entry(number))[:40])
        await asyncio.sleep(0.2)
        for caller in callers:
            caller.writer.transport.abort()
        await asyncio.sleep(0.1)
        assert place.lanes() == []
    for _ in range(100):
        if count(postgres_url) == 5:
            break
        await asyncio.sleep(0.1)
    assert count(postgres_url) == 5
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_who_sends_on_and_on_without_reading_is_held_back(place: Place) -> None:
    """Reading stops while answers are not taken, so that neither their bytes nor the requests' pile up."""
    caller = await place.call()
    caller.writer.transport.set_write_buffer_limits(0)
    caller.reader._transport.pause_reading()  # type: ignore[attr-defined]
    one = request(entry(1), authorization=b"Bearer wrong")
    sent = 0
    try:
        async with asyncio.timeout(5):
            while sent < 100_000:
                await caller.send(one * 100)
                sent += 100
    except TimeoutError:
        sent += 100
    assert sent < 100_000
    [lane] = place.lanes()
    assert len(lane._buffer) < 1024 * 1024
    assert lane._transport.get_write_buffer_size() < 1024 * 1024
    caller.reader._transport.resume_reading()  # type: ignore[attr-defined]
    assert [(await caller.answer()).status for _ in range(sent)] == [401] * sent


async def test_an_orderly_end_answers_who_waits(served: Api, postgres_url: str) -> None:
    assert served.app is not None
    async with api.listening(served.app) as server:
        place = Place(served, api.port_of(server), server.server_state.connections)
        caller, idle = await place.call(), await place.call()
        with psycopg.connect(postgres_url) as connection:
            await asyncio.to_thread(connection.execute, "LOCK TABLE signals IN ACCESS EXCLUSIVE MODE")
            await caller.send(request(entry(1)))
            await asyncio.sleep(0.2)
            server.should_exit = True
            assert await idle.closed()
        answer = await caller.answer()
        assert (answer.status, answer.headers["connection"]) == (202, "close")
        assert await caller.closed()
    assert count(postgres_url) == 1


@pytest.mark.parametrize(
    "body",
    [
        ENTRY,
        b"",
        b"{",
        b"[]",
        b'{"type": "warning", "status": "a\\u0000b"}',
        b'{"type": "warning", "status": "a\\ud800"}',
        {"type": "buy"},
        {"type": "whitelist"},
        {"action": "buy", "ticker": "BTCUSDT", "market_position": "long", "price": 5, "max_lag": 5},
    ],
)
@pytest.mark.parametrize("authorization", [BASIC, b"Bearer wrong", b"Digest x"])
async def test_both_ways_say_the_same(place: Place, body: Any, authorization: bytes) -> None:
    """`Expect` makes a request odd and changes nothing else."""
    caller = await place.call()
    plain = request(body, b"X-Request-ID: same", authorization=authorization)
    odd = request(body, b"X-Request-ID: same", b"Expect: nothing", authorization=authorization)
    await caller.send(plain)
    short = await caller.answer()
    assert len(place.lanes()) == 1
    await caller.send(odd)
    long = await caller.answer()
    assert place.lanes() == []
    for answer in (short, long):
        answer.headers.pop("date")
    assert (short.status, short.body, short.headers) == (long.status, long.body, long.headers)


async def test_a_mistake_of_ours_is_a_500_and_the_connection_lives(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await place.call()
    [lane] = place.lanes()

    def broken(*_: object) -> None:
        raise KeyError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(lane._lane.intake, "take", broken)
        await caller.send(request(entry(1)))
        answer = await caller.answer()
        assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "bug" not in str(answer.body)
    await caller.send(request(entry(1)))
    assert (await caller.answer()).status == 202
