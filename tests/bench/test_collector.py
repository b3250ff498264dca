"""What it costs to visit 999 bots every 30 seconds: CPU seconds of the collector, of Postgres nothing worth the name.

The bots are simulated, in a process of their own, each with three open trades and five closed ones of four fills;
what a real one spends on answering is not in the figure. The collector is in this process: its CPU time is ours."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from btcwatcher_api.collector.service import CollectorService
from btcwatcher_api.garbage import collect_rarely
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_local.postgres import EmbeddedPostgres
from support.collectors import collecting, figures, with_port
from support.localcluster import eventually

BOTS = int(os.environ.get("BTCWATCHER_BENCH_STRATEGIES", "999"))
CYCLE = 30.0
CYCLES = 2
CLOSED = 5
OPEN = 3


@pytest.fixture
def address() -> Iterator[str]:
    """Where the simulated bots are."""
    arguments = [sys.executable, "-m", "support.bots", str(OPEN), str(CLOSED)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
        process.terminate()


@pytest.mark.timeout(1800)
async def test_999_bots_in_a_cycle_of_30_seconds(postgres: EmbeddedPostgres, tmp_path: Path, address: str) -> None:
    registry = Registry(None)
    registry.replace([with_port(f"bench.bot-{number:03}", 8081 + number) for number in range(BOTS)])
    rows = BOTS * (OPEN + 4 * CLOSED)
    settings = {
        "collect_cycle_seconds": CYCLE,
        "collect_backoff_seconds": CYCLE,
        "recover_after_seconds": 20,
        "recover_days": 30,
    }
    async with collecting(postgres.url, tmp_path, address, registry, **settings) as service:
        collect_rarely()
        begin, cpu = time.monotonic(), time.process_time()
        await eventually(lambda: _recovered(postgres.url) >= rows, 900)
        first, first_cpu = time.monotonic() - begin, time.process_time() - cpu
        await asyncio.sleep(CYCLE)
        visits, before, server_cpu = _visits(service), os.times(), _postgres_cpu(postgres.url)
        await asyncio.sleep(CYCLE * CYCLES)
        visited = _visits(service) - visits
        after = os.times()
        user, system = ((after[which] - before[which]) / visited * BOTS for which in (0, 1))
        server = (_postgres_cpu(postgres.url) - server_cpu) / CYCLES
        assert set(figures(service, "btcwatcher_bot_reachable").values()) == {1.0}
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
    print(f"\nfirst: {rows} signals of {BOTS} bots filled in after {first:.0f} s, {first_cpu:.1f} CPU s")
    print(f"then: {user:.2f} s user, {system:.2f} s system for {BOTS} visits ({visited:.0f} in {CYCLE * CYCLES:.0f} s)")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    print(f"Postgres: {server:.2f} CPU s a cycle; resident memory of collector and pytest: {resident:.0f} MiB")
    assert visited > 0.9 * BOTS * CYCLES


def _visits(service: CollectorService) -> float:
    return figures(service, "btcwatcher_collector_visits_total")["ok"]


def _recovered(url: str) -> int:
    with psycopg.connect(url) as connection:
        (number,) = connection.execute("SELECT count(*) FROM signals WHERE recovered").fetchone() or (0,)
    return int(number)


def _postgres_cpu(url: str) -> float:
    """CPU seconds of the backend that serves the collector."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%collect'").fetchall()
    ticks = 0
    for (pid,) in rows:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
