"""Following the signals: each once, in the order of arrival, whatever happens to Postgres, listeners and replicas."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from btcwatcher_api.migrate import migrate
from btcwatcher_api.signals.cursor import Cursor, Position, decode, event_id
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.stream import events
from btcwatcher_local.postgres import EmbeddedPostgres
from support.api import FREQTRADE, READ_TOKEN, Api, strategy
from support.streams import STREAM, Listener, following, serving

pytestmark = pytest.mark.integration

BEGINNING = event_id(Position(0, UUID(int=0)))
_INSERT = """
INSERT INTO signals (id, event_time, event_key, dated, namespace, strategy, source, type, payload)
VALUES (%s, '2026-11-22T10:00:00Z', '\\x00', true, 'trading', 'ema-cross', 'plain', 'entry', '{}')
"""


@pytest.fixture
async def live(postgres_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE signals, signal_hours, deliveries")
    async with serving(postgres_url, tmp_path) as running:
        yield running


def entry(number: int, **fields: Any) -> dict[str, Any]:
    return {**FREQTRADE["entry"], "trade_id": str(number), "enter_tag": "x:0.9", **fields}


async def send(to: Api, *numbers: int) -> list[str]:
    """The ids, in the order of sending."""
    answers = [await to.send(entry(number)) for number in numbers]
    assert {answer.status_code for answer in answers} == {202}
    return [answer.json()["id"] for answer in answers]


@contextmanager
def uncommitted(url: str) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """A transaction that has stored a signal and is still under way, and the signal's id."""
    identifier = str(uuid4())
    with psycopg.connect(url) as connection:
        connection.execute(_INSERT, (identifier,))
        yield connection, identifier


async def test_signals_come_as_they_arrive_and_each_once(live: Api) -> None:
    await send(live, 1)
    async with following(live.http) as listener:
        sent = await send(live, 2, 3, 1, 2)
        await listener.until(2)
        more = await send(live, 4)
        await listener.until(3)
    assert listener.ids == [sent[0], sent[1], more[0]]
    assert listener.signals[0] == (await live.history(order="arrival"))[2]


@pytest.mark.parametrize("resumed", [False, True])
async def test_the_stream_filters(live: Api, resumed: bool) -> None:
    """What is unwanted was sent between two that are wanted, and the order is kept: it never came."""
    live.registry.replace([strategy("desk.alpha"), strategy("desk.beta")])
    beginning = Listener(last_id=(await live.page(order="arrival", limit=1))["previous"] or BEGINNING)

    async def send_all() -> None:
        for identifier, level in (("alpha", "0.9"), ("beta", "0.9"), ("alpha", "0.5"), ("alpha", "0.9")):
            body = {**entry(len(level)), "enter_tag": f"x:{level}", "note": str(uuid4())}
            assert (await live.send(body, f"desk.{identifier}")).status_code == 202

    if resumed:
        await send_all()
    wanted = {"strategy": "desk.alpha", "level": ["Strong", "Medium"]}
    async with following(live.http, beginning, **wanted) as listener:
        if not resumed:
            await send_all()
        await listener.until(2)
    assert [(signal["strategy"], signal["level"]) for signal in listener.signals] == [("alpha", "Strong")] * 2


async def test_what_is_committed_out_of_order_is_not_skipped(live: Api, postgres_url: str) -> None:
    follow = (await live.page(order="arrival"))["previous"] or BEGINNING
    async with following(live.http) as listener:
        with uncommitted(postgres_url) as (first, early), uncommitted(postgres_url) as (second, rolled_back):
            [late] = await send(live, 1)
            # Committed after them all, and with no older transaction at its side: still behind the two.
            assert await live.history(order="arrival", cursor=follow) == []
            assert listener.ids == []
            second.rollback()
            first.commit()
            await listener.until(2)
        assert listener.ids == [early, late]
    page = await live.page(cursor=follow)
    assert [signal["id"] for signal in page["items"]] == [late, early]
    assert rolled_back not in {signal["id"] for signal in await live.history()}


async def test_cursors_in_the_order_of_arrival_miss_nothing_that_comes_late(live: Api) -> None:
    times = ("10:00", "12:00", "08:00", "11:00", "09:00", "07:00", "13:00")
    seen: list[str] = []
    cursor = None
    for number, time in enumerate(times):
        body = {"action": "entry", "pair": "A/B", "timestamp": f"2026-11-22T{time}:00Z", "trade_id": str(number)}
        assert (await live.send(body)).status_code == 202
        page = await (live.page(cursor=cursor) if cursor else live.page(order="arrival"))
        seen += [signal["event_time"][11:16] for signal in page["items"]]
        cursor = page["previous"]
    assert seen == list(times)
    back: list[str] = []
    page = await live.page(order="arrival", limit=3)
    while True:
        back += [signal["event_time"][11:16] for signal in page["items"]]
        if page["next"] is None:
            break
        page = await live.page(cursor=page["next"], limit=3)
    assert back == list(reversed(times))


async def test_the_stream_goes_on_at_another_replica(live: Api, postgres_url: str, tmp_path: Path) -> None:
    listener = Listener()
    async with following(live.http, listener):
        sent = await send(live, 1, 2)
        await listener.until(2)
    sent += await send(live, 3, 4)
    async with serving(postgres_url, tmp_path) as other, following(other.http, listener):
        await listener.until(4)
        sent += await send(live, 5)
        await listener.until(5)
    assert listener.ids == sent


async def test_a_slow_listener_is_only_late(live: Api) -> None:
    """More than all sockets hold, and more than memory holds: it finds the rest in the database."""
    assert live.app is not None
    live.app.state.feed._most = 10
    text = "x" * 60_000
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.setblocking(False)
    url = live.http.base_url
    await asyncio.get_running_loop().sock_connect(slow, (url.host, url.port))
    reader, writer = await asyncio.open_connection(sock=slow, limit=1 << 17)
    writer.write(f"GET {STREAM} HTTP/1.0\r\nAuthorization: Bearer {READ_TOKEN}\r\n\r\n".encode())
    await reader.readuntil(b": following")
    async with following(live.http) as quick:
        sent = []
        for number in range(200):
            answer = await live.send({"action": "message", "message": f"{number} {text}"})
            sent.append(answer.json()["id"])
        await quick.until(200)
    assert quick.ids == sent
    assert len(live.app.state.feed._ring) == 10
    late: list[str] = []
    while len(late) < 200:
        line = await asyncio.wait_for(reader.readline(), 30)
        if line.startswith(b"data: "):
            late.append(json.loads(line[6:])["id"])
    writer.close()
    assert late == sent


async def test_whoever_goes_leaves_nothing_behind(live: Api, postgres_url: str) -> None:
    assert live.app is not None
    feed, pool = live.app.state.feed, live.app.state.engine.pool
    async with following(live.http), following(live.http):
        await send(live, 1)
        assert feed.followers == 2
        figures = (await live.http.get("/metrics")).text
        assert "btcwatcher_signal_streams 2.0" in figures
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        async with asyncio.timeout(30):
            while feed.followers or pool.checkedout() or _listening(connection):  # noqa: ASYNC110 - three things
                await asyncio.sleep(0.1)
    assert len(feed._ring) == 0


def _listening(connection: psycopg.Connection[Any]) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%% live'"
    return connection.execute(query.replace("%%", "%").encode()).fetchone() is not None


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_postgres_may_be_restarted(own: EmbeddedPostgres, tmp_path: Path, way: str) -> None:
    async with serving(own.url, tmp_path) as served, following(served.http) as listener:
        sent = await send(served, 1, 2)
        await listener.until(2)
        await asyncio.to_thread(own.stop if way == "stop" else own.kill)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(own.start)
        for number in (3, 4, 1):
            async with asyncio.timeout(30):
                while (answer := await served.send(entry(number))).status_code != 202:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            sent.append(answer.json()["id"])
        await listener.until(4)
        sent += await send(served, 5)
        await listener.until(5)
    assert listener.ids == [*sent[:4], sent[5]]
    with psycopg.connect(own.url) as connection:
        stored = connection.execute("SELECT id::text FROM signals ORDER BY arrival, id").fetchall()
    assert [identifier for (identifier,) in stored] == listener.ids


async def test_after_a_restore_new_signals_still_come_last(live: Api, postgres_url: str) -> None:
    """A dump's rows bring numbers of another server's transactions along."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(_INSERT, (str(uuid4()),))
        connection.execute("UPDATE signals SET arrival = arrival + 1000000")
    migrate(postgres_url, 1)
    migrate(postgres_url, 1)
    try:
        async with following(live.http) as listener:
            sent = await send(live, 1, 2)
            await listener.until(2)
        assert listener.ids == sent
        assert [signal["id"] for signal in await live.history(order="arrival")][:2] == sent[::-1]
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION signal_arrival(transaction_id xid8) RETURNS bigint LANGUAGE sql"
                " IMMUTABLE STRICT PARALLEL SAFE RETURN transaction_id::text::bigint"
            )


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("rubbish", "is not a cursor"),
        (Cursor(uuid4(), newer=True).encode(), "is a cursor of a list by time"),
        (event_id(Position(1 << 60, uuid4())), "was it set back?"),
    ],
    # Not by their values, which each of pytest's workers would make anew.
    ids=["rubbish", "of a list by time", "of a later database"],
)
async def test_a_wrong_last_event_id_is_named(live: Api, identifier: str, message: str) -> None:
    listener = Listener(last_id=identifier)
    await listener.listen(live.http)
    assert listener.status == 422
    [error] = listener.problem["errors"]
    assert error["field"] == "Last-Event-ID"
    assert message in error["message"]


async def test_filters_that_nothing_can_meet_are_refused(live: Api) -> None:
    listener = Listener()
    await listener.listen(live.http, action="exit", type="entry")
    assert listener.status == 422


async def test_only_so_many_may_follow(postgres_url: str, tmp_path: Path) -> None:
    async with serving(postgres_url, tmp_path, streams_max=1) as served, following(served.http):
        listener = Listener()
        await listener.listen(served.http)
        assert listener.status == 503


async def test_heartbeats_carry_the_place_and_the_stream_ends(live: Api) -> None:
    assert live.app is not None
    state = live.app.state
    [identifier] = await send(live, 1)
    begin = Position(0, uuid4())
    heard = b""
    async for chunk in events(state.feed, state.engine, Filter(strategy="another"), begin, lasts=1, heartbeat=0.1):
        heard += chunk
    assert heard.startswith(b": following\n")
    beats = heard.split(b": heartbeat\n")
    assert len(beats) > 2
    [signal] = (await live.page(order="arrival"))["items"]
    place = decode(beats[-1].split(b"id: ")[1].split(b"\n")[0].decode())
    assert str(place.id) == signal["id"] == identifier
