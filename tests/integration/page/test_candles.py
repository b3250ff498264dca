"""A chart's candles: from a bot through the collector to the page, and what is said where there are none."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from btcwatcher_api.collector import candles as handed_on
from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.page.candles import Candles, Market, markets
from btcwatcher_api.problems import Problem
from btcwatcher_api.settings import load
from btcwatcher_api.strategies.registry import Registry
from support import api
from support.bots import BOT_KEY, SimulatedBots, simulated_bots

pytestmark = pytest.mark.integration

PAIRS = ("BTC/USDT",)


def strategy(
    name: str, *, ready: bool = True, state: str = "Running", exchange: str = "binance", pairs: Sequence[str] = PAIRS
) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "mine", "name": name},
        "spec": {"state": state, "timeframe": "1m", "exchange": {"name": exchange, "pairs": pairs}},
        "status": {"port": 8081, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def market(*items: dict[str, Any]) -> Market:
    return markets(items)[0]


@pytest.fixture
async def bots() -> AsyncIterator[SimulatedBots]:
    async with simulated_bots() as running:
        yield running


@pytest.fixture
async def through(bots: SimulatedBots, tmp_path: Path) -> AsyncIterator[Candles]:
    """The page's side of it; the collector knows `mine.steps` and `mine.odd`."""
    key_file = tmp_path / "bot.key"
    key_file.write_bytes(BOT_KEY)
    settings = load(
        CollectorSettings, database_url="postgresql://none/none", bot_key_file=key_file, bot_address=bots.address
    )
    registry = Registry(None)
    registry.replace([strategy("steps"), strategy("odd"), strategy("asleep", state="Suspended")])
    app = Starlette(routes=[handed_on.route(registry, settings)])
    async with api.listening(app, HttpToolsProtocol) as server:
        found = Candles(f"http://127.0.0.1:{api.port_of(server)}")
        yield found
        await found.close()


async def test_they_are_the_bots_own(through: Candles) -> None:
    found = await through.of(market(strategy("steps")), "1m")
    assert len(found) == 500
    first, second = found[:2]
    assert (first.time, second.time - first.time) == (1_795_737_600, 60)
    assert (first.open, first.high, first.low, first.close, first.volume) == (10.5, 11.0, 10.0, 10.75, 3.5)
    assert await through.of(market(strategy("steps", pairs=["ETH/USDT"])), "1m") == []


async def test_another_bot_is_asked_where_one_gives_none(through: Candles, bots: SimulatedBots) -> None:
    bots.odd[("mine", "odd")] = lambda _: web.json_response({"columns": ["open"], "data": [[1]]})
    assert len(await through.of(market(strategy("odd"), strategy("steps")), "1m")) == 500
    with pytest.raises(Problem, match="no bot gives its candles now") as refused:
        await through.of(market(strategy("odd")), "1m")
    assert "mine.odd: /pair_candles: '__date_ts'" in refused.value.detail
    with pytest.raises(Problem, match="there is no such bot"):
        await through.of(market(strategy("unknown")), "1m")


async def test_what_is_said_where_there_are_none(through: Candles) -> None:
    with pytest.raises(Problem, match="no bot that trades this pair runs now"):
        await through.of(market(strategy("steps", ready=False)), "1m")
    with pytest.raises(Problem, match="no bot that trades this pair runs now"):
        await through.of(market(strategy("steps")), "5m")
    with pytest.raises(Problem, match="BTCWATCHER_COLLECTOR_URL"):
        await Candles("").of(market(strategy("steps")), "1m")
    away = Candles("http://127.0.0.1:1")
    with pytest.raises(Problem, match="no bot gives its candles now"):
        await away.of(market(strategy("steps")), "1m")
    await away.close()


def test_which_markets_there_are() -> None:
    found = markets(
        [
            strategy("b", ready=False),
            strategy("c", pairs=["ETH/USDT", "BTC/USDT"]),
            strategy("a", state="Suspended"),
            strategy("d", exchange="okx"),
        ]
    )
    assert [(one.exchange, one.pair) for one in found] == [
        ("binance", "BTC/USDT"),
        ("binance", "ETH/USDT"),
        ("okx", "BTC/USDT"),
    ]
    assert [(source.id, source.ready) for source in found[0].strategies["1m"]] == [
        ("mine.c", True),
        ("mine.a", False),
        ("mine.b", False),
    ]
