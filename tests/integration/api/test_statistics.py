"""Summary and trend agree with what was sent."""

from typing import Any

import psycopg
import pytest

from support.api import Api, strategy

pytestmark = pytest.mark.integration

STATISTICS = "/api/v1/signals/statistics"
DAY = {"since": "2026-11-22T00:00:00Z", "until": "2026-11-23T00:00:00Z"}


@pytest.fixture
async def filled(served: Api) -> Api:
    """24 entries and 6 filled exits from 10:00 to 12:59 of 22 November, one exit in the evening of the 23rd."""
    served.registry.replace([strategy("desk.alpha"), strategy("desk.beta")])
    for number in range(24):
        body = {
            "action": "entry",
            "pair": "BTC/USDT",
            "signal_strength": ("0.9", "0.7", "0.5", "0.1")[number % 4],
            "timestamp": f"2026-11-22T{10 + number % 3}:{number:02}:00Z",
        }
        assert (await served.send(body, "desk.alpha" if number < 18 else "desk.beta")).status_code == 202
    for number in range(6):
        assert (await served.send(fill(number, "2026-11-22T12:59:59Z"), "desk.beta")).status_code == 202
    assert (await served.send(fill(9, "2026-11-23T19:30:00Z"), "desk.beta")).status_code == 202
    return served


def fill(number: int, closed: str) -> dict[str, Any]:
    return {
        "type": "exit_fill",
        "trade_id": str(number),
        "pair": "BTC/USDT",
        "open_date": "2026-11-22T09:00:00Z",
        "close_date": closed,
        "close_rate": "100",
        "profit_ratio": ("0.05", "-0.02", "0.0")[number % 3],
    }


async def summary(served: Api, **filters: Any) -> dict[str, Any]:
    answer = await served.read(f"{STATISTICS}/summary", **filters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_summary(filled: Api) -> None:
    told = await summary(filled, **DAY)
    assert (told["total"], told["entries"], told["exits"], told["recovered"]) == (30, 24, 6, 0)
    assert (told["filled_exits"], told["winning"], told["losing"]) == (6, 2, 2)
    assert told["levels"] == {"Strong": 6, "Medium": 6, "Weak": 6, "Ignore": 6}
    assert told["types"] == {"entry": 24, "exit_fill": 6}
    assert told["strategy_count"] == 2
    assert [(one["id"], one["total"]) for one in told["strategies"]] == [("desk.alpha", 18), ("desk.beta", 12)]
    assert told["strategies"][0]["levels"]["Strong"] == 5


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({"strategy": "alpha"}, 18),
        ({"strategy": "desk.beta"}, 12),
        ({"namespace": "home"}, 0),
        ({"since": "2026-11-22T12:00:00Z"}, 14),
        ({"until": "2026-11-24T00:00:00Z"}, 31),
    ],
)
async def test_the_summary_filters(filled: Api, filters: dict[str, str], total: int) -> None:
    told = await summary(filled, **{**DAY, **filters})
    assert (told["total"], sum(one["total"] for one in told["strategies"])) == (total, total)


async def test_without_a_time_it_is_the_last_day(served: Api) -> None:
    assert (await served.send({"action": "message", "message": "now"})).status_code == 202
    assert (await summary(served))["types"] == {"strategy_msg": 1}


async def test_trend_by_the_hour_has_no_gap(filled: Api) -> None:
    answer = await filled.read(f"{STATISTICS}/trend", **{**DAY, "since": "2026-11-22T09:30:00Z"})
    points = answer.json()["points"]
    assert [point["begin"] for point in points[:2]] == ["2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z"]
    assert [point["total"] for point in points] == [0, 8, 8, 14] + [0] * 11
    assert (points[3]["winning"], points[3]["levels"]["Strong"]) == (2, 2)


async def test_trend_by_the_day_is_of_utc_whatever_the_servers_zone(filled: Api, postgres_url: str) -> None:
    name = postgres_url.split("?", 1)[0].rsplit("/", 1)[1]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Shanghai'".encode())
    assert filled.app is not None
    await filled.app.state.engine.dispose()
    try:
        until = "2026-11-24T00:00:00Z"
        answer = await filled.read(f"{STATISTICS}/trend", since=DAY["since"], until=until, interval="day")
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} RESET timezone".encode())
    assert [(point["begin"], point["total"]) for point in answer.json()["points"]] == [
        ("2026-11-22T00:00:00Z", 30),
        ("2026-11-23T00:00:00Z", 1),
    ]


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("summary", {"since": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}),
        ("summary", {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}),
        ("trend", {"since": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}),
        ("trend", {"interval": "minute"}),
        ("trend", {"strategy": "desk.alpha", "namespace": "home"}),
        ("summary", {"since": "1960-01-01T00:00:00Z"}),
    ],
)
async def test_what_is_too_much_is_refused(served: Api, path: str, filters: dict[str, str]) -> None:
    assert (await served.read(f"{STATISTICS}/{path}", **filters)).status_code == 422


@pytest.mark.parametrize("path", ["summary", "trend"])
async def test_the_begin_and_the_end_of_time(served: Api, path: str) -> None:
    """Found by requests made from the description: half a second after 1970 a day before was asked for."""
    assert (await served.read(f"{STATISTICS}/{path}", until="0.5")).status_code == 200
    assert (await served.read(f"{STATISTICS}/{path}", until="9999-12-31T23:59:59Z")).status_code == 422
