"""The collector at work on a real Postgres: figures that vanish with their Strategy, bots that answer oddly or not at
all, one active and one standing by. The bots are simulated: what they say is recorded, what goes wrong is made up."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from aiohttp import web

from btcwatcher_api.strategies.registry import Registry
from btcwatcher_local.postgres import EmbeddedPostgres
from support.api import Api
from support.bots import RECORDED, WEBHOOKS, SimulatedBots, closed_trade, simulated_bots
from support.collectors import collecting, figures, with_port
from support.localcluster import eventually

pytestmark = pytest.mark.integration

REACHABLE = "btcwatcher_bot_reachable"


@pytest.fixture
async def bots() -> AsyncIterator[SimulatedBots]:
    async with simulated_bots() as running:
        yield running


@pytest.fixture
def registry() -> Registry:
    known = Registry(None)
    known.replace([with_port("mine.steps")])
    return known


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        (number,) = connection.execute("SELECT count(*) FROM signals WHERE recovered").fetchone() or (0,)
    return int(number)


async def test_figures_come_and_go_with_their_strategy(
    served: Api, postgres_url: str, tmp_path: Path, bots: SimulatedBots, registry: Registry
) -> None:
    async with collecting(postgres_url, tmp_path, bots.address, registry) as service:
        await eventually(lambda: figures(service, REACHABLE) == {"steps": 1}, 30)
        assert figures(service, "btcwatcher_bot_open_trades") == {"steps": len(RECORDED["status"])}
        assert figures(service, "btcwatcher_bot_closed_profit") == {"steps": RECORDED["profit"]["profit_closed_coin"]}
        assert figures(service, "btcwatcher_bot_balance") == {"steps": RECORDED["balance"]["total_bot"]}
        last = "btcwatcher_bot_last_process_timestamp_seconds"
        assert figures(service, last) == {"steps": RECORDED["health"]["last_process_ts"]}
        registry.put(with_port("mine.other", 8082))
        await eventually(lambda: figures(service, REACHABLE) == {"steps": 1, "other": 1}, 30)
        registry.remove(with_port("mine.steps"))
        await eventually(lambda: figures(service, REACHABLE) == {"other": 1}, 30)
        registry.put(with_port("mine.other", 8082, state="Suspended"))
        await eventually(lambda: figures(service, REACHABLE) == {}, 30)
        assert figures(service, last) == {}


async def test_what_never_arrived_is_filled_in_once(
    served: Api, postgres_url: str, tmp_path: Path, bots: SimulatedBots, registry: Registry
) -> None:
    async with collecting(postgres_url, tmp_path, bots.address, registry) as service:
        await eventually(lambda: count(postgres_url) == len(WEBHOOKS), 30)
        recovered = "btcwatcher_collector_signals_recovered_total"
        await eventually(lambda: figures(service, recovered) == {"entry_fill": 4, "exit_fill": 4}, 30)
        visits = bots.visits["mine", "steps"]
        await eventually(lambda: bots.visits["mine", "steps"] > visits + 3, 30)
    async with collecting(postgres_url, tmp_path, bots.address, registry):
        await eventually(lambda: bots.visits["mine", "steps"] > visits + 8, 30)
    assert count(postgres_url) == len(WEBHOOKS), "also by a collector that knows nothing of what another did"


async def test_a_long_history_is_read_page_by_page(
    served: Api, postgres_url: str, tmp_path: Path, bots: SimulatedBots, registry: Registry
) -> None:
    newest = RECORDED["trades"]["trades"][0]["close_timestamp"]
    bots.closed["mine", "steps"] = [
        closed_trade(number, newest - 60_000 * (230 - number)) for number in range(230, 0, -1)
    ]
    async with collecting(postgres_url, tmp_path, bots.address, registry):
        await eventually(lambda: count(postgres_url) == 4 * 230, 60)


ODD = {
    "unauthorised": lambda _: web.json_response({"detail": "Unauthorized"}, status=401),
    "broken": lambda _: web.json_response({"error": "Error querying /api/v1/status: no"}, status=502),
    "hanging": lambda _: None,
    "garbled": lambda _: web.Response(body=b"<html>", content_type="application/json"),
    "empty": lambda _: web.json_response({}),
    "elsewhere": lambda _: web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"}),
    "strange": lambda endpoint: web.json_response([] if endpoint == "status" else {"trades": [{}], "total_trades": 1}),
}


async def test_bots_that_answer_oddly_or_not_at_all_disturb_no_other(
    served: Api, postgres_url: str, tmp_path: Path, bots: SimulatedBots, registry: Registry
) -> None:
    for number, (name, odd) in enumerate(ODD.items()):
        bots.odd["mine", name] = odd
        registry.put(with_port(f"mine.{name}", 8100 + number))
    # Fewer slots than bots that hang would leave none for the others, were there no time-out.
    settings = {"collect_concurrency": 1, "collect_timeout_seconds": 0.5}
    async with collecting(postgres_url, tmp_path, bots.address, registry, **settings) as service:
        wanted = {"steps": 1.0, **dict.fromkeys(ODD, 0.0)}
        await eventually(lambda: figures(service, REACHABLE) == wanted, 60)
        await eventually(lambda: count(postgres_url) == len(WEBHOOKS), 60)
        visits = figures(service, "btcwatcher_collector_visits_total")
        assert all(visits[result] > 0 for result in ("ok", "away", "refused", "unreadable")), visits
        assert set(figures(service, "btcwatcher_bot_open_trades")) == {"steps"}, "nothing is said of those"
        del bots.odd["mine", "hanging"]
        await eventually(lambda: figures(service, REACHABLE)["hanging"] == 1, 60)


async def test_a_bot_nobody_listens_at_is_away(
    served: Api, postgres_url: str, tmp_path: Path, registry: Registry
) -> None:
    async with collecting(postgres_url, tmp_path, "http://127.0.0.1:1/{port}", registry) as service:
        await eventually(lambda: figures(service, REACHABLE) == {"steps": 0}, 30)


async def test_one_is_active_and_another_takes_over(
    served: Api, postgres_url: str, tmp_path: Path, bots: SimulatedBots, registry: Registry
) -> None:
    active = "btcwatcher_collector_active"
    async with collecting(postgres_url, tmp_path, bots.address, registry) as first:
        await eventually(lambda: figures(first, REACHABLE) == {"steps": 1}, 30)
        async with collecting(postgres_url, tmp_path, bots.address, registry) as second:
            await eventually(lambda: second.problem is None, 30)
            assert (figures(first, active), figures(second, active)) == ({"": 1}, {"": 0})
            with psycopg.connect(postgres_url) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%collect'"
                )
            # Whoever gets it: exactly one works on, and what it exports is nowhere else.
            await eventually(
                lambda: sorted([*figures(first, active).values(), *figures(second, active).values()]) == [0, 1], 60
            )
            await eventually(lambda: len(figures(first, REACHABLE)) + len(figures(second, REACHABLE)) == 1, 60)
    assert count(postgres_url) == len(WEBHOOKS)


async def test_postgres_killed_under_it_is_waited_for(
    own: EmbeddedPostgres, tmp_path: Path, bots: SimulatedBots, registry: Registry
) -> None:
    active = "btcwatcher_collector_active"
    async with collecting(own.url, tmp_path, bots.address, registry) as service:
        await eventually(lambda: count(own.url) == len(WEBHOOKS), 60)
        await asyncio.to_thread(own.kill)
        await eventually(lambda: service.problem == "the database does not answer", 60)
        assert figures(service, active) == {"": 0}
        assert figures(service, REACHABLE) == {}, "another may have taken over: it would export them too"
        newest = RECORDED["trades"]["trades"][0]["close_timestamp"]
        bots.closed["mine", "steps"] = [closed_trade(77, newest + 60_000), *RECORDED["trades"]["trades"]]
        await asyncio.to_thread(own.start)
        await eventually(lambda: count(own.url) == len(WEBHOOKS) + 4, 60)
        assert (service.problem, figures(service, active)) == (None, {"": 1})
