"""The hourly roll-up: whatever is rolled up when, statistics count every signal once."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from btcwatcher_api.migrate import migrate
from btcwatcher_api.signals import statistics
from btcwatcher_api.signals.dedup import signal_id
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.rollup import roll_up
from btcwatcher_api.signals.statistics import Interval
from btcwatcher_api.tables.partitions import make_ahead
from btcwatcher_api.tables.retention import Retention, drop_old
from support.api import Api

pytestmark = pytest.mark.integration

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
_INSERT = """
INSERT INTO signals (id, event_time, event_key, dated, namespace, strategy, source, type, level, profit_ratio,
    recovered, payload)
VALUES (%s, %s, '\\x00', true, %s, %s, 'plain', %s, %s, %s, %s, '{}')
"""
_STRETCHES = [
    (timedelta(0), timedelta(hours=24)),
    (timedelta(hours=3, minutes=20), timedelta(hours=20, minutes=1)),
    (timedelta(hours=3), timedelta(hours=4)),
    (timedelta(hours=3, minutes=1), timedelta(hours=4)),
    (timedelta(hours=3, minutes=1), timedelta(hours=3, minutes=59)),
    (timedelta(hours=3, minutes=59, microseconds=1), timedelta(hours=5, microseconds=1)),
]
_FILTERS: list[dict[str, Any]] = [
    {},
    {"namespace": "desk"},
    {"strategy": "beta"},
    {"namespace": "home", "strategy": "alpha"},
    {"levels": frozenset({"Strong"})},
]


def store(connection: psycopg.Connection[Any], chance: random.Random, event_time: datetime | None = None) -> None:
    """A signal of any kind at any moment of the day."""
    at = event_time or BEGIN + timedelta(microseconds=chance.randrange(24 * 3600 * 10**6))
    kind = chance.choice(["entry", "exit_fill", "exit_fill", "warning"])
    level = chance.choice(["Strong", "Weak"]) if kind == "entry" else None
    profit = chance.choice(["0.1", "-0.1", "0"]) if kind == "exit_fill" else None
    key = chance.randbytes(16)
    names = chance.choice(["desk", "home"]), chance.choice(["alpha", "beta"])
    connection.execute(_INSERT, (signal_id(at, key), at, *names, kind, level, profit, chance.random() < 0.2))


def rows(connection: psycopg.Connection[Any], wanted: Filter) -> list[dict[str, Any]]:
    """Every signal, filtered and counted here and not by the code under test."""
    query = "SELECT namespace, strategy, pair, type, level, profit_ratio, recovered, event_time FROM signals"
    cursor = connection.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [row for row in found if wanted.matches(row)]


async def patiently(drop: Callable[[], list[str]]) -> list[str]:
    """As the upkeep does it: the API that runs beside may read or make partitions at this moment."""
    for _ in range(20):
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            return await asyncio.to_thread(drop)
    raise AssertionError("the table was busy all the time")


async def roll_all_up(served: Api, connection: psycopg.Connection[Any]) -> None:
    """Until all is counted: while the API beside makes partitions, what came after it began is not settled yet."""
    assert served.app is not None
    left = "SELECT count(*) FROM signals WHERE arrival > 0 AND arrival >= (SELECT below FROM signal_rollup)"
    deadline = time.monotonic() + 60
    while connection.execute(left).fetchone() != (0,):
        assert time.monotonic() < deadline
        await roll_up(served.app.state.changing)


async def agrees(served: Api, connection: psycopg.Connection[Any], wanted: Filter) -> int:
    """Statistics say what the rows say; returns how many they are."""
    assert served.app is not None
    expected = rows(connection, wanted)
    async with served.app.state.engine.connect() as reading:
        by_strategy = await statistics.by_strategy(reading, wanted)
        by_hour = await statistics.by_interval(reading, wanted, Interval.HOUR)
        by_day = await statistics.by_interval(reading, wanted, Interval.DAY)
    counts = statistics.summed(by_strategy)
    assert counts.total == len(expected)
    assert counts.recovered == sum(row["recovered"] for row in expected)
    assert counts.winning == sum((row["profit_ratio"] or 0) > 0 for row in expected)
    assert counts.losing == sum((row["profit_ratio"] or 0) < 0 for row in expected)
    assert counts.levels["Strong"] == sum(row["level"] == "Strong" for row in expected)
    assert statistics.types_of(by_strategy) == Counter(row["type"] for row in expected)
    names = Counter((row["namespace"], row["strategy"]) for row in expected)
    assert {(row["namespace"], row["strategy"]): row["total"] for row in by_strategy} == names
    hours = Counter(row["event_time"].replace(minute=0, second=0, microsecond=0) for row in expected)
    assert {begin: one.total for begin, one in by_hour.items()} == hours
    assert sum(one.total for one in by_day.values()) == len(expected)
    return len(expected)


async def test_statistics_are_exact_whatever_is_rolled_up(served: Api, postgres_url: str) -> None:
    assert served.app is not None
    chance = random.Random(7)  # noqa: S311
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        for step in range(8):
            with connection.transaction():
                # Some of them are late: of hours that were rolled up in an earlier step.
                for _ in range(60):
                    store(connection, chance)
            if step % 2:
                assert await roll_up(served.app.state.changing)
            for since, until in _STRETCHES:
                wanted = Filter(since=BEGIN + since, until=BEGIN + until, **_FILTERS[step % len(_FILTERS)])
                await agrees(served, connection, wanted)
        for filters in _FILTERS:
            assert await agrees(served, connection, Filter(since=BEGIN, until=BEGIN + timedelta(days=1), **filters))
        await roll_all_up(served, connection)
        rolled = connection.execute("SELECT sum(total) FROM signal_hours GROUP BY strategy = ''").fetchall()
    # Once for each Strategy, and once for all.
    assert rolled == [(480,), (480,)]


async def test_many_may_roll_up_at_once_and_what_is_not_settled_waits(served: Api, postgres_url: str) -> None:
    assert served.app is not None
    engine, chance = served.app.state.changing, random.Random(8)  # noqa: S311
    whole = Filter(since=BEGIN, until=BEGIN + timedelta(days=1))
    with psycopg.connect(postgres_url, autocommit=True) as connection, psycopg.connect(postgres_url) as slow:
        connection.execute("SET timezone = 'UTC'")
        store(slow, chance)
        for _ in range(20):
            store(connection, chance)
        await asyncio.gather(*(roll_up(engine) for _ in range(4)))
        # All of them came after one that is still under way.
        assert connection.execute("SELECT count(*) FROM signal_hours").fetchone() == (0,)
        assert await agrees(served, connection, whole) == 20
        slow.commit()
        assert await agrees(served, connection, whole) == 21
        await asyncio.gather(*(roll_up(engine) for _ in range(4)))
        await roll_all_up(served, connection)
        assert connection.execute("SELECT sum(total) FROM signal_hours WHERE strategy = ''").fetchone() == (21,)
        assert await agrees(served, connection, whole) == 21


async def test_counts_outlive_what_they_count(served: Api, postgres_url: str) -> None:
    assert served.app is not None
    # Old, and yet nothing that the API's own upkeep would drop meanwhile.
    chance, old = random.Random(9), (datetime.now(UTC) - timedelta(days=150)).replace(day=5)  # noqa: S311
    month = timedelta(days=40)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        make_ahead(connection, 0, old)
        for _ in range(5):
            store(connection, chance, old)
        await roll_all_up(served, connection)
        now = old + timedelta(days=100)
        kept = Retention(month, month, month, timedelta(days=1000), month)
        assert f"signals_{old:%Y_%m}" in await patiently(lambda: drop_old(connection, kept, now))
        wanted = Filter(since=old - timedelta(days=1), until=old + timedelta(days=1))
        assert rows(connection, wanted) == []
        async with served.app.state.engine.connect() as reading:
            assert statistics.summed(await statistics.by_strategy(reading, wanted)).total == 5
        await patiently(lambda: drop_old(connection, Retention(*(month,) * 5), now))
        assert connection.execute("SELECT count(*) FROM signal_hours").fetchone() == (0,)


async def test_after_a_restore_nothing_is_left_out(served: Api, postgres_url: str) -> None:
    """The mark of the other server lies far above the numbers that this one's transactions begin with."""
    assert served.app is not None
    chance = random.Random(10)  # noqa: S311
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        for _ in range(3):
            store(connection, chance)
        await roll_all_up(served, connection)
        connection.execute("UPDATE signal_rollup SET below = below + 1000000")
        migrate(postgres_url, 1)
        for _ in range(2):
            store(connection, chance)
        whole = Filter(since=BEGIN, until=BEGIN + timedelta(days=1))
        for _ in range(2):
            assert await agrees(served, connection, whole) == 5
            await roll_up(served.app.state.changing)
