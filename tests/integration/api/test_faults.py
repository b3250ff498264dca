"""What breaks beneath the API: Postgres stopped, killed, hung; two replicas at once; the schema of yesterday."""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory

from btcwatcher_api.migrate import migrate
from btcwatcher_api.schema import SchemaError, check_revision
from btcwatcher_api.tables import partitions
from btcwatcher_api.tables.partitions import make_ahead
from btcwatcher_api.upgrade import alembic_config
from btcwatcher_local.postgres import EmbeddedPostgres
from support import api
from support.api import FREQTRADE, Api

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM signals").fetchone()
        return int(row[0]) if row else 0


async def accepted_again(served: Api, body: object, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while (await served.send(body)).status_code != 202:
        assert time.monotonic() < deadline, "the API did not recover"
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_postgres_away_is_503_and_then_fine_again(own: EmbeddedPostgres, tmp_path: Path, way: str) -> None:
    async with api.running(own.url, tmp_path, ingest_patience_seconds=0.5) as served:
        assert (await served.send(ENTRY)).status_code == 202
        await asyncio.to_thread(own.stop if way == "stop" else own.kill)
        await asyncio.sleep(0.2)
        for _ in range(3):
            begin = time.monotonic()
            answer = await served.send({**ENTRY, "trade_id": "2"})
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["content-type"] == "application/problem+json"
            assert time.monotonic() - begin < 10, "it must not hang"
        assert (await served.read("/api/v1/signals/")).status_code == 503
        assert (await served.http.get("/readyz")).status_code == 503
        assert (await served.http.get("/healthz")).status_code == 200
        # On the same port, as a server that comes back is.
        await asyncio.to_thread(own.start)
        await accepted_again(served, {**ENTRY, "trade_id": "2"})
        assert {signal["trade_id"] for signal in await served.history()} == {"1", "2"}
        assert (await served.http.get("/readyz")).status_code == 200
    assert count(own.url) == 2


async def test_a_hung_postgres_does_not_hold_up_the_bots(own: EmbeddedPostgres, tmp_path: Path) -> None:
    async with api.running(own.url, tmp_path, ingest_patience_seconds=0.5, ingest_queue=50) as served:
        await served.send(ENTRY)
        stopped = _backends(own)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            begin = time.monotonic()
            answers = await asyncio.gather(*(served.send({**ENTRY, "trade_id": str(n)}) for n in range(100, 200)))
            assert {answer.status_code for answer in answers} == {503}
            assert time.monotonic() - begin < 10, "it must not hang"
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        await accepted_again(served, {**ENTRY, "trade_id": "300"})


def _backends(server: EmbeddedPostgres) -> list[int]:
    with psycopg.connect(server.url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'btcwatcher-api%'"
        ).fetchall()
    return [pid for (pid,) in rows]


async def test_killed_under_load_postgres_loses_nothing_that_was_acknowledged(
    own: EmbeddedPostgres, tmp_path: Path
) -> None:
    acknowledged: set[str] = set()
    going = True

    async def sender(served: Api, number: int) -> None:
        sent = 0
        while going:
            sent += 1
            body = {**ENTRY, "trade_id": f"{number}-{sent}", "sub_trade": "True" if sent % 2 else "False"}
            answer = await served.send(body)
            assert answer.status_code in (202, 503), answer.text
            if answer.status_code == 202:
                acknowledged.add(answer.json()["id"])
            else:
                await asyncio.sleep(0.05)

    async with api.running(own.url, tmp_path, ingest_patience_seconds=0.5) as served:
        senders = [asyncio.create_task(sender(served, number)) for number in range(8)]
        await asyncio.sleep(0.7)
        for _ in range(2):
            await asyncio.to_thread(own.kill)
            before = len(acknowledged)
            await asyncio.to_thread(own.start)
            while len(acknowledged) < before + 50:  # noqa: ASYNC110 - the senders have no one moment to tell of
                await asyncio.sleep(0.05)
        going = False
        await asyncio.gather(*senders)
    with psycopg.connect(own.url) as connection:
        stored = {str(identifier) for (identifier,) in connection.execute("SELECT id FROM signals")}
        doubled = connection.execute("SELECT payload FROM signals GROUP BY payload HAVING count(*) > 1").fetchall()
    assert len(acknowledged) > 100
    assert acknowledged <= stored
    assert doubled == []


async def test_two_replicas_store_one_event_once(served: Api, postgres_url: str, tmp_path: Path) -> None:
    bodies = [FREQTRADE["warning"], FREQTRADE["entry_fill"], ENTRY, {**ENTRY, "sub_trade": "True"}]
    async with api.running(postgres_url, tmp_path) as other:
        for round_ in range(10):
            marked = [{**body, "round": str(round_)} for body in bodies]
            answers = await asyncio.gather(
                *(one.send(body) for body in marked for one in (served, other) for _ in "ab")
            )
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["id"] for answer in answers}) == len(bodies)
    assert count(postgres_url) == 10 * len(bodies)


async def test_migrating_twice_and_at_once_is_migrating(own: EmbeddedPostgres) -> None:
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    url = own.url_of("fresh")
    await asyncio.gather(*(asyncio.to_thread(migrate, url, 2) for _ in range(3)))
    assert count(url) == 0


async def test_a_newer_schema_is_left_as_it_is_after_a_rollback(own: EmbeddedPostgres) -> None:
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE newer")
    url = own.url_of("newer")
    await asyncio.to_thread(migrate, url, 1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_of_a_newer_version'")
        await asyncio.to_thread(migrate, url, 1)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999_of_a_newer_version",)


async def test_an_old_schema_is_told_and_waited_for(own: EmbeddedPostgres, tmp_path: Path) -> None:
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
    async with api.running(own.url_of("empty"), tmp_path, ingest_patience_seconds=0.3) as served:
        assert (await served.send(ENTRY)).status_code == 503
        document = (await served.http.get("/readyz")).json()
        [reason] = [check["reason"] for check in document["checks"] if check["name"] == "ingest"]
        assert "btcwatcher-api migrate" in reason
        await asyncio.to_thread(migrate, own.url_of("empty"), 1)
        await accepted_again(served, ENTRY)


def test_only_an_older_schema_is_refused() -> None:
    check_revision("9999_of_a_newer_version")
    scripts = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
    check_revision(scripts[0])
    for older in (None, *scripts[1:]):
        with pytest.raises(SchemaError, match="btcwatcher-api migrate"):
            check_revision(older)


async def test_a_partition_takes_over_what_came_before_it(served: Api, postgres_url: str) -> None:
    for month in ("2005-05-31T23:59:59.999999Z", "2005-06-01T00:00:00Z", "2005-07-01T00:00:00Z"):
        await served.send({"action": "exit", "pair": "A/B", "timestamp": month})
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        made = await asyncio.to_thread(make_ahead, connection, 0, datetime(2005, 7, 1, tzinfo=UTC))
        monthly = [
            f"{table}_2005_{month}"
            for table in ("signals", "deliveries", "delivery_attempts")
            for month in ("06", "07")
        ]
        assert made == monthly
        assert await asyncio.to_thread(make_ahead, connection, 0, datetime(2005, 7, 1, tzinfo=UTC)) == []
        places = connection.execute("SELECT tableoid::regclass::text FROM signals ORDER BY id").fetchall()
        for name in made:
            await asyncio.to_thread(connection.execute, f"DROP TABLE {name}")
    assert [place for (place,) in places] == ["signals_default", "signals_2005_06", "signals_2005_07"]


async def test_a_signal_is_taken_while_its_partition_is_made(served: Api, postgres_url: str) -> None:
    """Its row waits for the default partition, in which it then has no place any more."""
    begin = datetime(2006, 3, 1, tzinfo=UTC)
    body = {"action": "exit", "pair": "A/B", "timestamp": "2006-03-05T12:00:00Z"}
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        with connection.transaction():
            await asyncio.to_thread(
                partitions._make, connection, "signals", "signals_2006_03", begin, partitions.month_after(begin)
            )
            sending = asyncio.create_task(served.send(body))
            while not _waiting(postgres_url):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        answer = await sending
        place = connection.execute("SELECT tableoid::regclass::text FROM signals WHERE event_time > '2006-01-01'")
        assert (answer.status_code, place.fetchall()) == (202, [("signals_2006_03",)])
        await asyncio.to_thread(connection.execute, "DROP TABLE signals_2006_03")


def _waiting(url: str) -> bool:
    """Whether anybody waits for a lock of signals' default partition."""
    with psycopg.connect(url) as connection:
        query = "SELECT 1 FROM pg_locks WHERE relation = 'signals_default'::regclass AND NOT granted"
        return connection.execute(query).fetchone() is not None
