"""Deliveries counted, with latencies of a known shape; and that counting many reads no more than their time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select

from btcwatcher_api.engines import sqlalchemy_url
from btcwatcher_api.notifications import history, statistics
from btcwatcher_api.notifications.delivery_filter import DeliveryFilter
from btcwatcher_api.notifications.worker.verdicts import DeliveryState
from support import api
from support.api import Api
from support.notifications import Queue

pytestmark = pytest.mark.integration

PATH = "/api/v1/notifications/statistics"


@pytest.fixture
async def served(queue: Queue, tmp_path: Path) -> AsyncIterator[Api]:
    async with api.running(queue.url, tmp_path) as running:
        yield running


async def counted(served: Api, **filters: Any) -> dict[str, Any]:
    answer = await served.read(PATH, **filters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_by_channel_priority_state_and_reason_with_latencies(served: Api, queue: Queue) -> None:
    queue.add("desk", count=100)
    # The n-th of a hundred took n tenths of a second.
    queue.run(
        "UPDATE deliveries d SET state = 'Sent', reason = 'Sent', settled_at = created_at + n * interval '0.1 s'"
        " FROM (SELECT id, row_number() OVER () AS n FROM deliveries) k WHERE k.id = d.id"
    )
    queue.add("mail", priority=1, count=3)
    queue.run("UPDATE deliveries SET state = 'Failed', reason = 'Rejected', settled_at = now() WHERE channel = 'mail'")
    queue.add("mail", priority=2)
    queue.add("desk", ago=timedelta(hours=30))
    found = await counted(served)
    assert (found["total"], found["states"]) == (104, {"Sent": 100, "Failed": 3, "Pending": 1})
    assert found["reasons"] == {"Sent": 100, "Rejected": 3}
    latency = found["latency"]
    for name, seconds in (("p50", 5.0), ("p90", 9.0), ("p95", 9.5), ("p99", 9.9), ("max", 10.0)):
        assert latency[name] == pytest.approx(seconds, rel=0.025), latency
    assert latency["count"] == 100
    assert [(one["priority"], one["total"], one["latency"] is None) for one in found["priorities"]] == [
        ("P0", 100, False),
        ("P1", 3, True),
        ("P2", 1, True),
    ]
    assert [(one["channel"], one["total"], one["states"]) for one in found["channels"]] == [
        ("trading.desk", 100, {"Sent": 100}),
        ("trading.mail", 4, {"Failed": 3, "Pending": 1}),
    ]
    assert found["channel_count"] == 2
    assert (await counted(served, channel="mail", priority="P1"))["total"] == 3
    assert (await counted(served, strategy_id="trading.other"))["total"] == 0
    assert (await counted(served, channel="trading.mail", namespace="ops"))["total"] == 0
    two_days = (queue.rows("SELECT now() - interval '2 days' AS at"))[0]["at"].isoformat()
    assert (await counted(served, since=two_days))["total"] == 105


async def test_a_replays_latency_begins_with_the_replay(served: Api, queue: Queue) -> None:
    queue.add("desk", ago=timedelta(hours=5))
    queue.run(
        "UPDATE deliveries SET state = 'Sent', reason = 'Sent', replayed_at = now(),"
        " settled_at = now() + interval '2 s'"
    )
    assert (await counted(served))["latency"]["max"] == 2.0


async def test_a_stretch_of_time_that_is_too_long_or_none_is_refused(served: Api) -> None:
    for filters in ({"since": "2026-01-01T00:00:00Z"}, {"since": "2026-06-01", "until": "2026-01-01"}):
        answer = await served.read(PATH, **filters)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "since"), answer.text


def test_counting_reads_the_time_that_is_asked_for_and_a_page_of_what_failed_reads_just_that(queue: Queue) -> None:
    """Ten days with ten thousand deliveries each: by indexes, whose rows lie where they were written."""
    queue.run(
        """
        INSERT INTO deliveries (subject_id, kind, channel_namespace, channel, created_at, priority, state, reason,
          next_attempt_at, settled_at)
        SELECT gen_random_uuid(), 'Signal', 'trading', 'channel-' || n % 20, at, n % 3,
          CASE WHEN n % 1000 = 7 THEN 'Failed' ELSE 'Sent' END, 'Sent', at, at + random() * interval '1 s'
        FROM generate_series(1, 100000) n, LATERAL (SELECT now() - interval '10 days' + n * interval '8.64 s' AS at) t
        """
    )
    with psycopg.connect(queue.url, autocommit=True) as connection:
        connection.execute("ANALYZE deliveries")
        until = connection.execute("SELECT now() - interval '2 days'").fetchone()
        assert until is not None
        day = DeliveryFilter(since=until[0] - timedelta(days=1), until=until[0])
        failed = DeliveryFilter(states=frozenset({DeliveryState.FAILED}))
        dialect = sqlalchemy_url(queue.url).get_dialect()()

        def plan(query: Select[Any]) -> dict[str, Any]:
            said = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
            explained = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {said}".encode()).fetchone()
            assert explained is not None
            found: dict[str, Any] = explained[0][0]["Plan"]
            return found

        counting, page = plan(statistics.query(day)), plan(history.page_query(failed, None, 50))
    # All of them fill some 2,000 blocks.
    assert scans(counting) <= {"Index Scan", "Bitmap Heap Scan", "Bitmap Index Scan"}
    assert counting["Shared Hit Blocks"] + counting["Shared Read Blocks"] < 1_000
    assert scans(page) == {"Index Scan"}
    assert page["Shared Hit Blocks"] + page["Shared Read Blocks"] < 200


def scans(plan: dict[str, Any]) -> set[str]:
    """How tables are read below this node, as far as there is anything to read."""
    own = {plan["Node Type"]} if "Scan" in plan["Node Type"] and plan["Actual Rows"] > 0 else set()
    return own.union(*(scans(one) for one in plan.get("Plans", ()))) - {"Subquery Scan"}
