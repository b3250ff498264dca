"""Reading signals back: filters, pages, single signals, and who may."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from btcwatcher_api.signals.arrival import BEGINNING, arrived
from btcwatcher_api.signals.cursor import Cursor
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.types import SignalType
from support import api
from support.api import FREQTRADE, Api, strategy

pytestmark = pytest.mark.integration


@pytest.fixture
async def filled(served: Api) -> Api:
    """Two Strategies' signals of four pairs over 20 minutes, all levels."""
    served.registry.replace([strategy("desk.alpha"), strategy("desk.beta"), strategy("home.alpha")])
    for identifier in ("desk.alpha", "desk.beta", "home.alpha"):
        for number in range(20):
            body = {
                "action": "exit" if number % 5 == 4 else "entry",
                "pair": ("BTC/USDT", "ETH/USDT", "SOL/USDT", "ADA/USDT")[number % 4],
                "signal_strength": ("0.9", "0.7", "0.5", "0.1")[number % 4],
                "timestamp": f"2026-11-22T10:{number:02}:00Z",
            }
            assert (await served.send(body, identifier)).status_code == 202
    await served.send(FREQTRADE["warning"], "desk.beta")
    return served


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 61),
        ({"namespace": "desk"}, 41),
        ({"strategy": "alpha"}, 40),
        ({"strategy": "desk.alpha"}, 20),
        ({"strategy": "desk.alpha", "namespace": "home"}, 0),
        ({"pair": "BTC/USDT"}, 15),
        ({"type": "warning"}, 1),
        ({"type": ["entry", "warning"]}, 49),
        ({"action": "exit"}, 12),
        ({"action": "message"}, 1),
        ({"action": "exit", "type": "entry"}, 0),
        ({"level": "Strong"}, 15),
        ({"level": ["Strong", "Ignore"], "namespace": "home"}, 10),
        ({"since": "2026-11-22T10:10:00Z", "until": "2026-11-22T10:12:00Z"}, 6),
        ({"since": "2026-11-22T11:10:00+01:00", "until": "2026-11-22T10:12:00"}, 6),
        ({"strategy": "desk.beta", "pair": "ETH/USDT", "level": "Medium", "until": "2026-11-22T10:06:00Z"}, 2),
        ({"pair": "' OR 1=1 --"}, 0),
    ],
)
async def test_filters(filled: Api, filters: dict[str, Any], count: int) -> None:
    assert len(await filled.history(limit=500, **filters)) == count


_FILTERS = [
    Filter(),
    Filter(namespace="desk"),
    Filter(strategy="alpha"),
    Filter(namespace="home", strategy="beta"),
    Filter(pair="BTC/USDT", types=frozenset({SignalType.ENTRY, SignalType.WARNING})),
    Filter(types=frozenset({SignalType.WARNING})),
    Filter(levels=frozenset({"Strong", "Ignore"})),
    Filter(since=datetime(2026, 11, 22, 10, 5, tzinfo=UTC)),
    Filter(until=datetime(2026, 11, 22, 10, 5, tzinfo=UTC), levels=frozenset({"Weak"})),
]


@pytest.mark.parametrize("wanted", _FILTERS)
async def test_a_filter_is_the_same_in_memory_and_in_the_database(filled: Api, wanted: Filter) -> None:
    """The stream filters what it has at hand by itself."""
    assert filled.app is not None
    async with filled.app.state.engine.connect() as connection:
        everything = await arrived(connection, Filter(), BEGINNING, None, 500)
        found = await arrived(connection, wanted, BEGINNING, None, 500)
    assert [row["id"] for row in everything if wanted.matches(row)] == [row["id"] for row in found]
    assert len(everything) == 61


@pytest.mark.parametrize("order", ["time", "arrival"])
async def test_pages_go_there_and_back_without_a_gap(filled: Api, order: str) -> None:
    everything = [signal["id"] for signal in await filled.history(limit=500, order=order)]
    assert len(everything) == 61
    assert (everything == sorted(everything, reverse=True)) == (order == "time")
    pages, page = [], await filled.page(limit=7, order=order)
    newest = page["previous"]
    while True:
        pages.append([signal["id"] for signal in page["items"]])
        if page["next"] is None:
            break
        page = await filled.page(limit=7, cursor=page["next"])
    assert [identifier for one in pages for identifier in one] == everything
    back: list[str] = []
    while page["items"]:
        back = [signal["id"] for signal in page["items"]] + back
        page = await filled.page(limit=7, cursor=page["previous"])
    assert back == everything
    assert page["previous"] == newest


async def test_a_cursor_at_the_end_tells_of_what_comes_later(filled: Api) -> None:
    newest = (await filled.page())["previous"]
    assert (await filled.page(cursor=newest))["items"] == []
    await filled.send(FREQTRADE["status"], "home.alpha")
    assert [signal["type"] for signal in await filled.history(cursor=newest)] == ["status"]


async def test_an_empty_history(served: Api) -> None:
    assert await served.page() == {"items": [], "next": None, "previous": None}


async def test_a_nul_in_a_filter_is_the_callers_mistake(served: Api) -> None:
    answer = await served.read("/api/v1/signals/", pair="BTC\0")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": Cursor(UUID(int=7), newer=True).encode(), "order": "arrival"}, "cursor"),
        ({"cursor": Cursor(UUID(int=7), newer=True, arrival=3).encode(), "order": "time"}, "cursor"),
        ({"order": "size"}, "order"),
        ({"level": "Loud"}, "level[0]"),
        ({"stategy": "ema"}, "stategy"),
        ({"action": "buy"}, "action"),
        ({"since": "yesterday"}, "since"),
        ({"since": "0001-01-01T00:00:00+10:00"}, "since"),
        ({"strategy": "desk."}, "strategy"),
    ],
)
async def test_a_wrong_filter_is_named(served: Api, filters: dict[str, Any], field: str) -> None:
    answer = await served.read("/api/v1/signals/", **filters)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("identifier", "status"),
    [
        ("01a20608-4f04-8802-8231-70f71164bcde", 404),
        ("11111111-1111-4111-8111-111111111111", 404),
        ("ffffffff-ffff-8fff-8fff-ffffffffffff", 404),
        ("1", 422),
    ],
)
async def test_no_such_signal(served: Api, identifier: str, status: int) -> None:
    answer = await served.read(f"/api/v1/signals/{identifier}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
@pytest.mark.parametrize("path", ["/api/v1/signals/", "/api/v1/signals/01a20608-4f04-8802-8231-70f71164bcde"])
async def test_nobody_reads_without_the_token(served: Api, path: str, headers: dict[str, str]) -> None:
    answer = await served.http.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_description_names_every_path(served: Api) -> None:
    document = (await served.http.get("/openapi.json")).json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    # The same without the slash or with one, and the figures, are there and not described.
    routes = api.routes(served.app) - described
    hidden = {(method, path) for method, path in routes if {(method, path + "/"), (method, path[:-1])} & described}
    assert described == api.routes(served.app) - hidden - {("GET", "/metrics")}
    operations = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(operations) == len(set(operations))
    post = document["paths"]["/api/v1/signals/webhook/{strategy_id}"]["post"]
    assert {"202", "400", "401", "404", "413", "415", "422", "503"} <= set(post["responses"])
    assert "ProblemDocument" in document["components"]["schemas"]


async def test_health_readiness_and_figures(served: Api) -> None:
    assert (await served.http.get("/healthz")).json() == {"status": "ok"}
    assert (await served.http.get("/readyz")).json()["ready"] is True
    served.registry._synced = False
    answer = await served.http.get("/readyz")
    assert answer.status_code == 503
    [reason] = [check["reason"] for check in answer.json()["checks"] if not check["ok"]]
    assert reason == "the Strategies are not known yet"
    await served.http.get("/made/up/path")
    figures = (await served.http.get("/metrics")).text
    assert 'route="/readyz"' in figures
    assert "made" not in figures
