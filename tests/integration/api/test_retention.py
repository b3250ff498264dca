"""What is old goes by whole partitions, what is needed stays, and what comes too late is told so."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from btcwatcher_api.tables.partitions import make_ahead
from btcwatcher_api.tables.retention import Retention, drop_old
from support import api
from support.api import Api

pytestmark = pytest.mark.integration

NOW = datetime(2031, 8, 15, tzinfo=UTC)
LONG = timedelta(days=3000)
RETENTION = Retention(*(timedelta(days=40),) * 5)
_SIGNAL = """
INSERT INTO signals (id, event_time, event_key, dated, namespace, strategy, source, type, payload)
VALUES (gen_random_uuid(), %s, '\\x00', true, 'trading', 'ema-cross', 'plain', 'entry', '{}')
"""
_DELIVERY = """
INSERT INTO deliveries (subject_id, channel_namespace, channel, created_at, priority, state, next_attempt_at)
VALUES (gen_random_uuid(), 'trading', 'desk', %(at)s, 0, %(state)s, %(at)s)
"""
_ATTEMPT = """
INSERT INTO delivery_attempts
    (delivery_id, number, started_at, message_id, channel_namespace, channel, priority)
VALUES (gen_random_uuid(), 1, %(at)s, gen_random_uuid(), 'trading', 'desk', 0)
"""
_NOTICE = """
WITH notice AS (
    INSERT INTO notices (created_at, kind, namespace, priority, title, body)
    VALUES (%(at)s, 'Manual', 'trading', 0, %(title)s, '') RETURNING id
)
INSERT INTO deliveries (subject_id, kind, channel_namespace, channel, created_at, priority, state, next_attempt_at)
SELECT id, 'Manual', 'trading', 'desk', %(at)s, 0, %(state)s, %(at)s FROM notice
"""
_EMPTY = "TRUNCATE signals, signal_hours, deliveries, delivery_attempts, notices, audit_log, capacity_history"
_CAPACITY = """
INSERT INTO capacity_history (at, slots_used, slots_free, strategies, ready, ports_used, ports)
VALUES (%s, 1, 2, 1, 1, 1, 1000)
"""
DATES = ["2031-03-01", "2031-05-31T23:59:59", "2031-06-01", "2031-06-30", "2031-07-04", "2031-08-01", "2031-08-14"]


@pytest.fixture
def connection(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Partitions of May to August 2031; March has none. A signal and a delivery that is sent of each date."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(_EMPTY)
        for month in (6, 8):
            make_ahead(connection, 0, datetime(2031, month, 1, tzinfo=UTC))
        for date in DATES:
            connection.execute(_SIGNAL, (date,))
            connection.execute(_DELIVERY, {"at": date, "state": "Sent"})
        yield connection
        connection.execute(_EMPTY)
        drop_old(connection, RETENTION, datetime(2032, 8, 1, tzinfo=UTC))


def column(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    return [value for (value,) in connection.execute(query.encode()).fetchall()]


def test_old_partitions_go_and_the_rest_stays(connection: psycopg.Connection[Any]) -> None:
    # 40 days before 15 August is 6 July: June is over, July is not.
    expected = [
        f"{table}_2031_{month}" for table in ("signals", "deliveries", "delivery_attempts") for month in ("05", "06")
    ]
    dropped = drop_old(connection, RETENTION, NOW)
    assert [name for name in dropped if "_2031_" in name] == expected
    for table, time in (("signals", "event_time"), ("deliveries", "created_at")):
        left = column(connection, f"SELECT {time}::date::text FROM {table} ORDER BY 1")  # noqa: S608
        assert left == ["2031-07-04", "2031-08-01", "2031-08-14"]
    assert drop_old(connection, RETENTION, NOW) == []
    # What is dropped is not made again at the next look.
    assert make_ahead(connection, 0, NOW) == []


def test_a_delivery_that_is_still_to_be_sent_keeps_its_month(connection: psycopg.Connection[Any]) -> None:
    for date in ("2031-05-05", "2031-03-03"):
        connection.execute(_DELIVERY, {"at": date, "state": "Pending"})
    assert "deliveries_2031_05" not in drop_old(connection, RETENTION, NOW)
    pending = "SELECT created_at::date::text FROM deliveries WHERE state = 'Pending' ORDER BY 1"
    assert column(connection, pending) == ["2031-03-03", "2031-05-05"]
    connection.execute("UPDATE deliveries SET state = 'Failed'")
    assert drop_old(connection, RETENTION, NOW) == ["deliveries_2031_05"]
    assert column(connection, "SELECT count(*) FROM deliveries WHERE created_at < '2031-06-01'") == [0]


def test_attempts_go_with_deliveries_and_a_notice_that_is_still_to_be_told_stays(
    connection: psycopg.Connection[Any],
) -> None:
    for date in ("2031-03-01", "2031-05-05", "2031-08-01"):
        connection.execute(_ATTEMPT, {"at": date})
        for state in ("Pending", "Sent"):
            connection.execute(_NOTICE, {"at": date, "title": f"{date} {state}", "state": state})
    drop_old(connection, RETENTION, NOW)
    assert column(connection, "SELECT started_at::date::text FROM delivery_attempts") == ["2031-08-01"]
    titles = ["2031-03-01 Pending", "2031-05-05 Pending", "2031-08-01 Pending", "2031-08-01 Sent"]
    assert column(connection, "SELECT title FROM notices ORDER BY title") == titles


def test_each_table_has_its_own_retention(connection: psycopg.Connection[Any]) -> None:
    for days in (10, 39, 45, 700):
        connection.execute(
            "INSERT INTO audit_log (at, actor, action, subject, request_id) VALUES (%s, 'ada', 'x', 'y', 'z')",
            (NOW - timedelta(days=days),),
        )
        connection.execute(_CAPACITY, (NOW - timedelta(days=days),))
    drop_old(connection, Retention(LONG, LONG, timedelta(days=40), LONG, timedelta(days=50)), NOW)
    assert column(connection, "SELECT count(*) FROM signals") == [len(DATES)]
    assert column(connection, "SELECT count(*) FROM deliveries") == [len(DATES)]
    assert column(connection, "SELECT count(*) FROM audit_log") == [2]
    assert column(connection, "SELECT count(*) FROM capacity_history") == [3]


def test_a_busy_table_is_left_for_later(connection: psycopg.Connection[Any], postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as reader:
        reader.execute("SELECT count(*) FROM signals")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            drop_old(connection, RETENTION, NOW)
    assert "signals_2031_05" in drop_old(connection, RETENTION, NOW)


async def test_many_replicas_may_drop_at_once(connection: psycopg.Connection[Any], postgres_url: str) -> None:
    def drop() -> list[str]:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            return drop_old(other, RETENTION, NOW)

    dropped = await asyncio.gather(*(asyncio.to_thread(drop) for _ in range(4)))
    names = [name for one in dropped for name in one]
    assert len(names) == len(set(names))
    assert {"signals_2031_05", "deliveries_2031_06"} <= set(names)


async def test_a_signal_older_than_what_is_kept_is_told_so(postgres_url: str, tmp_path: Path) -> None:
    def body(age: timedelta) -> dict[str, str]:
        at = datetime.now(UTC) - age
        return {"action": "exit", "pair": "BTC/USDT", "timestamp": at.isoformat(), "trade_id": str(uuid4())}

    async with api.running(postgres_url, tmp_path, retention_signals_days=100) as served:
        before = len(await served.history(limit=500))
        refused = await served.send(body(timedelta(days=100, minutes=1)))
        assert refused.status_code == 422
        [error] = refused.json()["errors"]
        assert error["field"] == "timestamp"
        assert "signals are kept for 100 days" in error["message"]
        # Its month has no partition (any more): it finds a place all the same, and is found.
        taken = await served.send(body(timedelta(days=99, hours=23)))
        assert taken.status_code == 202
        assert len(await served.history(limit=500)) == before + 1
        await _is_there(served, taken.json()["id"])
        # The upkeep of these replicas runs meanwhile, and drops nothing of it.
        busy = contextlib.suppress(psycopg.errors.LockNotAvailable)
        with busy, psycopg.connect(postgres_url, autocommit=True) as connection:
            await asyncio.to_thread(drop_old, connection, Retention(*(timedelta(days=100),) * 5))
        await _is_there(served, taken.json()["id"])


async def _is_there(served: Api, identifier: str) -> None:
    assert (await served.read(f"/api/v1/signals/{identifier}")).status_code == 200
