"""The active collector writes down how full the platform is: rows from a FleetCapacity, nodes and Strategies of the
embedded API server, in a real Postgres."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from btcwatcher_api.capacity_history.recorder import Recorder
from btcwatcher_api.collector.ledger import Ledger
from btcwatcher_api.collector.service import CollectorService
from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.database import collecting_connection
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.router import Router
from btcwatcher_api.settings import load
from support import desk as desks
from support.bots import BOT_KEY
from support.collectors import figures
from support.desk import Desk
from support.full import FLEET, bot, fleet, measured, node
from support.localcluster import eventually

pytestmark = pytest.mark.integration

PATIENCE = 30
OFTEN = 0.2
ACTIVE = "btcwatcher_collector_active"


@pytest.fixture
async def desk(postgres_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE capacity_history")
    async with desks.desk(postgres_url, tmp_path) as made:
        yield made


@contextlib.asynccontextmanager
async def collecting(desk: Desk, folder: Path, every: float = OFTEN) -> AsyncIterator[CollectorService]:
    """A collector as `btcwatcher-api collect` runs it, of the cluster in KUBECONFIG."""
    key_file = folder / "bot.key"
    key_file.write_bytes(BOT_KEY)
    settings = load(
        CollectorSettings,
        database_url=desk.database,
        bot_key_file=key_file,
        bot_address="http://127.0.0.1:1/{port}",
        port_range="8081-8090",
        capacity_history_seconds=every,
    )
    service = CollectorService(settings)
    working = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def rows(desk: Desk) -> list[dict[str, Any]]:
    with psycopg.connect(desk.database, row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM capacity_history ORDER BY at").fetchall()


def reasons(lines: list[Any]) -> list[str]:
    return [line.get("reason", line["event"]) for line in lines if "capacity" in line["event"]]


async def test_a_row_says_how_full_it_was(desk: Desk, tmp_path: Path) -> None:
    await node(desk)
    await bot(desk)
    await fleet(desk, measured())
    async with collecting(desk, tmp_path):
        await eventually(lambda: len(rows(desk)) > 1, PATIENCE)
    newest = rows(desk)[-1]
    newest.pop("at")
    assert newest == {
        "slots_used": 1,
        "slots_free": 3,
        "slots_free_with_largest_node_lost": -1,
        "binding": "memory",
        "pending": 2,
        "strategies": 1,
        "ready": 1,
        "ports_used": 1,
        "ports": 10,
        "cpu_requested": 0.25,
        "memory_requested": 0.25,
        "pods_requested": 0.1,
    }


async def test_without_figures_of_now_there_is_no_row_and_one_line_says_why(desk: Desk, tmp_path: Path) -> None:
    await node(desk)
    with capture_logs() as lines:
        async with collecting(desk, tmp_path):
            await eventually(lambda: reasons(lines), PATIENCE)
            await fleet(desk, measured("False", "Forbidden", "nodes is forbidden"))
            await eventually(lambda: len(reasons(lines)) == 2, PATIENCE)
            assert rows(desk) == []
            await fleet(desk, measured())
            await eventually(lambda: len(rows(desk)) > 1, PATIENCE)
            await desk.kubernetes.delete(FLEET)
            await eventually(lambda: len(reasons(lines)) == 4, PATIENCE)
    missing, stale, again, gone = reasons(lines)
    assert (missing, again, gone) == (gone, "capacity is recorded again", missing)
    assert "there is no FleetCapacity fleet" in missing
    assert stale == "the operator could not measure: Forbidden: nodes is forbidden"


async def test_only_one_of_two_collectors_writes(desk: Desk, tmp_path: Path) -> None:
    await node(desk)
    await fleet(desk, measured())
    async with collecting(desk, tmp_path, every=3600) as one, collecting(desk, tmp_path, every=3600) as other:
        await eventually(lambda: one.problem is None and other.problem is None, PATIENCE)
        await eventually(lambda: rows(desk), PATIENCE)
        assert sum(figures(service, ACTIVE)[""] for service in (one, other)) == 1
    # Whoever takes over just then adds nothing.
    ledger = Ledger(
        lambda: collecting_connection(desk.database, statement_seconds=PATIENCE),
        Router(ChannelRegistry()),
        notify_within=timedelta(0),
    )
    try:
        assert await ledger.lead()
        assert await Recorder(ledger, list, (8081, 8090), every=3600).once()
    finally:
        await ledger.close()
    assert len(rows(desk)) == 1


async def test_what_is_away_costs_its_rows_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    await node(desk)
    await fleet(desk, measured())
    kubeconfig = Path(os.environ["KUBECONFIG"])
    there = kubeconfig.read_text()

    async def more() -> None:
        before = len(rows(desk))
        await eventually(lambda: len(rows(desk)) > before + 1, PATIENCE)

    with capture_logs() as lines:
        async with collecting(desk, tmp_path) as service:
            await more()
            kubeconfig.write_text(there.replace(desk.serving.url, "http://127.0.0.1:9"))
            await eventually(lambda: reasons(lines), PATIENCE)
            assert figures(service, ACTIVE) == {"": 1}, "it fills signals in all the same"
            kubeconfig.write_text(there)
            await more()
            with psycopg.connect(desk.database, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE '%collect' AND datname = current_database()"
                )
            await more()
            assert figures(service, ACTIVE) == {"": 1}
    assert "Kubernetes does not answer" in reasons(lines)[0]
