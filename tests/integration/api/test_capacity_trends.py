"""What /system and /monitoring make of recorded capacity and of the operator's FleetCapacity: a real Postgres with rows
of forty days, and the embedded API server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support import api
from support import desk as desks
from support.desk import Desk
from support.full import STATUS, fleet, measured, node

pytestmark = pytest.mark.integration

UTILIZATION = "/api/v1/system/capacity/utilization-trend"
TREND = "/api/v1/monitoring/capacity/trend"
DETAILED = "/api/v1/system/capacity/detailed"
NOW = datetime.now(UTC).replace(microsecond=0)
ROW = """
INSERT INTO capacity_history (at, slots_used, slots_free, slots_free_with_largest_node_lost, binding, pending,
    strategies, ready, ports_used, ports, cpu_requested, memory_requested, pods_requested)
SELECT %(now)s - age * interval '1 hour', 50 - age / 24, 50 + age / 24, 10,
    CASE WHEN age < 240 THEN 'memory' ELSE 'cpu' END, 0, 50 - age / 24, 40, 50 - age / 24, 100,
    0.5, CASE WHEN age = 30 THEN 0.99 ELSE 0.4 END, NULL
FROM generate_series(0, 959) age
"""
"""Forty days of hourly rows in which one Strategy was added each day; memory runs out first since ten days."""


@pytest.fixture
async def desk(postgres_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE capacity_history")
    async with desks.desk(postgres_url, tmp_path) as made:
        yield made


@pytest.fixture
def recorded(desk: Desk) -> Desk:
    with psycopg.connect(desk.database) as connection:
        connection.execute(ROW, {"now": NOW})
    return desk


async def get(desk: Desk, path: str, **query: Any) -> Any:
    answer = await desk.ask("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(answer: Any) -> dict[str, str]:
    return {source["name"]: source["state"] for source in answer["sources"]}


async def test_how_many_there_were_and_where_it_goes(recorded: Desk) -> None:
    told = await get(recorded, TREND, hours=24 * 30, points=60)
    assert (states(told), told["hours"]) == ({"postgres": "ok"}, 720)
    series = {one["name"]: one for one in told["series"]}
    assert {one["unit"] for one in series.values()} == {"count"}
    used = series["slots_used"]
    assert (used["source"], used["direction"]) == ("postgres", "rising")
    assert used["change_per_day"] == pytest.approx(1, abs=0.05)
    assert (used["peak"]["value"], used["low"]["value"]) == (50, 21)
    assert used["average"] == pytest.approx(35.5, abs=0.1)
    assert 60 <= len(used["points"]) <= 61
    assert (series["slots_free"]["direction"], series["ready"]["direction"]) == ("falling", "steady")
    assert series["slots_free_with_largest_node_lost"]["peak"]["value"] == 10
    assert told["binding"] == [{"dimension": "cpu", "ratio": 0.6667}, {"dimension": "memory", "ratio": 0.3333}]


async def test_a_year_may_be_asked_for_and_the_points_begin_where_they_did(recorded: Desk) -> None:
    told = await get(recorded, TREND, hours=24 * 366, points=366)
    points = told["series"][0]["points"]
    assert 40 <= len(points) <= 42
    assert {datetime.fromisoformat(one["at"]).timestamp() % 86400 for one in points} == {0}
    assert (await recorded.ask("GET", TREND, params={"hours": 24 * 366 + 1})).status_code == 422


async def test_shares_of_what_there_is(recorded: Desk) -> None:
    told = await get(recorded, UTILIZATION, hours=24 * 10, points=20)
    assert states(told) == {"postgres": "ok", "prometheus": "not configured"}
    series = {one["name"]: one for one in told["series"]}
    assert set(series) == {"cpu_requested", "memory_requested", "pods_requested", "ports_used", "slots_used"}
    assert (series["cpu_requested"]["average"], series["cpu_requested"]["direction"]) == (0.5, "steady")
    assert series["slots_used"]["peak"]["value"] == 0.5
    assert (series["ports_used"]["direction"], series["ports_used"]["change_per_day"]) == (
        "rising",
        pytest.approx(0.01, abs=0.001),
    )
    # One hour of a test is the peak of a point that averages twelve, and no trend.
    memory = series["memory_requested"]
    assert (memory["peak"]["value"], memory["direction"]) == (0.99, "steady")
    assert (
        timedelta(0) <= NOW - timedelta(hours=30) - datetime.fromisoformat(memory["peak"]["at"]) < timedelta(hours=12)
    )
    assert max(point["value"] for point in memory["points"]) < 0.5
    assert (series["pods_requested"]["points"], series["pods_requested"]["peak"]) == ([], None)


async def test_without_a_row_it_is_said(desk: Desk) -> None:
    for path in (TREND, UTILIZATION):
        told = await get(desk, path)
        assert (states(told)["postgres"], told["series"]) == ("unavailable", [])
        assert "btcwatcher-api collect" in told["sources"][0]["detail"]


async def test_without_postgres_it_is_said(tmp_path: Path) -> None:
    async with api.running("postgresql://nobody@127.0.0.1:9/none", tmp_path) as served:
        for path in (TREND, UTILIZATION):
            told = (await served.read(path)).json()
            assert (states(told)["postgres"], told["series"]) == ("unavailable", [])
            assert told["sources"][0]["detail"] == "the database does not answer"


async def test_what_the_operator_wrote_is_shown_word_for_word(desk: Desk) -> None:
    await node(desk)
    told = await get(desk, DETAILED)
    assert (states(told), told["fleet"]) == ({"kubernetes": "ok", "fleetcapacity": "unavailable"}, None)
    assert "the operator makes it" in told["sources"][-1]["detail"]
    await fleet(desk, measured())
    told = await get(desk, DETAILED)
    assert states(told) == {"kubernetes": "ok", "fleetcapacity": "ok"}
    shown = told["fleet"]
    assert (shown["measured"], shown["reason"], shown["since"]) == (True, "Measured", "2026-11-23T00:00:00Z")
    assert {name: value for name, value in shown["status"].items() if name != "conditions"} == STATUS
    await fleet(desk, measured("False", "Forbidden", "nodes is forbidden"))
    shown = (await get(desk, DETAILED))["fleet"]
    assert (shown["measured"], shown["reason"], shown["message"]) == (False, "Forbidden", "nodes is forbidden")
    assert shown["status"]["slots"] == STATUS["slots"]
