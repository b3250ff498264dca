"""Fills that never arrived are filled in from the bot's trades, and no fill is ever two rows, in whatever order it is
learnt of: real webhooks and real trades of one bot, a real Postgres, the real webhook endpoint."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from btcwatcher_api.collector.fills import Fill, fills_of
from btcwatcher_api.collector.ledger import Ledger, LedgerAway, LedgerBusy
from btcwatcher_api.database import collecting_connection
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.router import Router
from btcwatcher_api.strategies.registry import KnownStrategy
from support.api import Api, strategy
from support.bots import WEBHOOKS, recorded_fills, recorded_trades
from support.localcluster import eventually

pytestmark = pytest.mark.integration

STEPS = "mine.steps"
FOR_EVER = timedelta(days=36500)

# A recovered row is what its webhook's would have been, but for its own identity and times.
GRADED = (
    "type", "pair", "direction", "trade_id", "sub_trade", "price", "amount", "stake_currency", "enter_tag",
    "exit_reason", "strength", "level", "priority", "source",
)  # fmt: skip


@contextlib.asynccontextmanager
async def ledger_on(url: str, notify_within: timedelta = FOR_EVER) -> AsyncIterator[Ledger]:
    channels = ChannelRegistry()
    channels.replace(())
    ledger = Ledger(
        lambda: collecting_connection(url, statement_seconds=20),
        Router(channels),
        notify_within=notify_within,
        patience=30,
    )
    try:
        yield ledger
    finally:
        await ledger.close()


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[Ledger]:
    async with ledger_on(postgres_url) as ledger:
        assert await ledger.lead()
        yield ledger


@pytest.fixture
def steps(served: Api) -> KnownStrategy:
    served.registry.put(strategy(STEPS, notify={"channels": ["desk"]}))
    known = served.registry.get(STEPS)
    assert known is not None
    return known


def graded(rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in GRADED) for row in rows}


def wanted(_: Fill) -> bool:
    return True


async def all_of_them(served: Api) -> list[dict[str, Any]]:
    rows = await served.history(strategy="steps", limit=100)
    return [row for row in rows if row["type"] in ("entry_fill", "exit_fill")]


async def send(served: Api, *bodies: dict[str, Any]) -> list[str]:
    answers = [await served.send(body, STEPS) for body in bodies]
    assert {answer.status_code for answer in answers} <= {202}
    return [answer.json()["id"] for answer in answers]


async def test_where_every_webhook_arrived_nothing_is_missing(
    served: Api, ledger: Ledger, steps: KnownStrategy
) -> None:
    await send(served, *WEBHOOKS)
    assert await ledger.missing(steps, recorded_fills()) == []
    assert await ledger.fill_in(steps, recorded_fills(), wanted) == []
    assert [row["recovered"] for row in await all_of_them(served)] == [False] * len(WEBHOOKS)


@pytest.mark.parametrize("seed", range(4))
async def test_whichever_webhooks_were_lost_their_rows_are_filled_in(
    served: Api, ledger: Ledger, steps: KnownStrategy, seed: int, postgres_url: str
) -> None:
    await send(served, *WEBHOOKS)
    wanted_rows = graded(await all_of_them(served))
    with psycopg.connect(postgres_url) as connection:
        await asyncio.to_thread(connection.execute, "TRUNCATE signals, signal_hours, deliveries")
    kept = random.Random(seed).sample(WEBHOOKS, k=2 * seed)  # noqa: S311 - no secret
    await send(served, *kept)
    written = await ledger.fill_in(steps, recorded_fills(), wanted)
    assert len(written) == len(WEBHOOKS) - len(kept)
    rows = await all_of_them(served)
    assert graded(rows) == wanted_rows
    assert sum(row["recovered"] for row in rows) == len(written)
    assert len(rows) == len(WEBHOOKS)
    assert await ledger.fill_in(steps, recorded_fills(), wanted) == []


async def test_a_webhook_that_comes_after_its_fill_was_recovered_is_that_row(
    served: Api, ledger: Ledger, steps: KnownStrategy, postgres_url: str
) -> None:
    await ledger.fill_in(steps, recorded_fills(), wanted)
    rows = {row["id"]: row for row in await all_of_them(served)}
    for body in WEBHOOKS:
        for _ in range(2):
            (identifier,) = await send(served, body)
            assert rows[identifier]["price"] == body["order_rate"], "the answer names the row that is there"
            assert rows[identifier]["type"] == body["type"]
    assert len(await all_of_them(served)) == len(WEBHOOKS)
    with psycopg.connect(postgres_url) as connection:
        told = connection.execute("SELECT subject_id::text FROM deliveries").fetchall()
    assert len(told) == len({row[0] for row in told}) == len(WEBHOOKS), "each is told of once"


async def test_webhooks_and_two_collectors_at_the_same_time_never_double(
    served: Api, steps: KnownStrategy, postgres_url: str
) -> None:
    async with ledger_on(postgres_url) as one, ledger_on(postgres_url) as other:
        assert await one.lead()
        assert not await other.lead(), "it stands by; here it works all the same, as one that lost the lead unnoticed"
        for seed in range(12):
            with psycopg.connect(postgres_url) as connection:
                await asyncio.to_thread(
                    connection.execute, "TRUNCATE signals, signal_hours, deliveries, recovered_fills"
                )
            bodies = random.Random(seed).sample(WEBHOOKS, k=6)  # noqa: S311 - no secret
            written = await asyncio.gather(
                *(send(served, body) for body in bodies[:3]),
                *(_persist(ledger, steps) for ledger in (one, other)),
                *(send(served, body) for body in bodies[3:]),
            )
            rows = await all_of_them(served)
            assert len(rows) == len(WEBHOOKS), (seed, written)
            assert len(graded(rows)) == len(WEBHOOKS)


async def _persist(ledger: Ledger, steps: KnownStrategy) -> list[Fill]:
    while True:
        with contextlib.suppress(LedgerBusy):
            return await ledger.fill_in(steps, recorded_fills(), wanted)


async def test_a_third_order_alike_is_no_late_webhook_for_long(
    served: Api, ledger: Ledger, steps: KnownStrategy
) -> None:
    """A grid buys the same amount at the same price again and again within one trade."""
    trade = recorded_trades()[0]
    (entry, *_) = fills_of(trade)
    alike = [Fill(**{**_fields(entry), "order_id": f"grid-{number}"}) for number in range(3)]
    await ledger.fill_in(steps, alike[:2], wanted)
    body = next(body for body in WEBHOOKS if body["order_rate"] == f"{entry.price:f}" and body["type"] == "entry_fill")
    await send(served, body)
    assert len(await all_of_them(served)) == 2, "taken for the webhook of a recovered one"
    assert len(await ledger.fill_in(steps, alike, wanted)) == 1, "then filled in itself"
    assert len(await all_of_them(served)) == 3


def _fields(fill: Fill) -> dict[str, Any]:
    return {name: getattr(fill, name) for name in Fill.__slots__}


async def test_only_fresh_ones_are_told(served: Api, steps: KnownStrategy, postgres_url: str) -> None:
    fills = sorted(recorded_fills(), key=lambda fill: fill.filled_at)
    between = datetime.now(UTC) - fills[3].filled_at - timedelta(milliseconds=1)
    async with ledger_on(postgres_url, notify_within=between) as ledger:
        assert await ledger.lead()
        await ledger.fill_in(steps, fills, wanted)
    with psycopg.connect(postgres_url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM deliveries").fetchone() or (0,)
    assert count == len(fills) - 4


async def test_who_loses_the_connection_loses_the_lead(postgres_url: str, served: Api, steps: KnownStrategy) -> None:
    async with ledger_on(postgres_url) as one, ledger_on(postgres_url) as other:
        assert await one.lead()
        assert not await other.lead()
        await one.still_leads()
        with psycopg.connect(postgres_url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        with pytest.raises(LedgerAway):
            await one.still_leads()
        await eventually(other.lead)
        with pytest.raises(LedgerAway):
            await one.fill_in(steps, recorded_fills(), wanted)
        assert len(await other.fill_in(steps, recorded_fills(), wanted)) == len(WEBHOOKS)
        assert not await one.lead()


async def test_a_busy_table_is_left_for_the_next_visit(
    served: Api, ledger: Ledger, steps: KnownStrategy, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as connection:
        await asyncio.to_thread(connection.execute, "LOCK TABLE ONLY signals IN SHARE MODE")
        with pytest.raises(LedgerBusy):
            await ledger.fill_in(steps, recorded_fills(), wanted)
        await ledger.still_leads()
    assert len(await ledger.fill_in(steps, recorded_fills(), wanted)) == len(WEBHOOKS)


async def test_a_recovered_signal_says_where_it_comes_from(served: Api, ledger: Ledger, steps: KnownStrategy) -> None:
    await ledger.fill_in(steps, recorded_fills(), wanted)
    rows = await all_of_them(served)
    detail = (await served.read(f"/api/v1/signals/{rows[0]['id']}")).json()
    assert detail["recovered"] is True
    assert detail["payload"]["order_id"] in {fill.order_id for fill in recorded_fills()}


async def test_old_notes_of_recovered_fills_are_forgotten(
    served: Api, ledger: Ledger, steps: KnownStrategy, postgres_url: str
) -> None:
    await ledger.fill_in(steps, recorded_fills(), wanted)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE recovered_fills SET recovered_at = now() - interval '4 days' WHERE type = 'exit_fill'"
        )
        await ledger.forget_old()
        assert connection.execute("SELECT DISTINCT type FROM recovered_fills").fetchall() == [("entry_fill",)]
