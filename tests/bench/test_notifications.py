"""Notifications: from a signal accepted to its channel at 100 a second, and how fast one worker drains the outbox.

The vendor is an HTTP server in a process of its own, and so is the worker. The bare loop sends the same requests to the
same server with httpx and nothing else."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from btcwatcher_local.loopback import free_port
from btcwatcher_local.postgres import EmbeddedPostgres
from support.api_process import CONNECTIONS, load_of, serving_api
from support.notifications import Queue, channel, serve_vendor, work

SIGNALS_A_SECOND = 100
SECONDS = float(os.environ.get("BTCWATCHER_BENCH_SECONDS", "10"))
DELIVERIES = 4000
CONCURRENT = 8
P95_SECONDS = 1.0
A_SECOND = 500


@pytest.fixture
def queue(postgres: EmbeddedPostgres) -> Queue:
    queue = Queue(postgres.url)
    queue.clear()
    return queue


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    port = free_port()
    with process("vendor", str(port)):
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/count")
                break
            time.sleep(0.1)
        yield url


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[None]:
    started = subprocess.Popen(
        [sys.executable, __file__, *arguments], env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    )
    try:
        yield
    finally:
        started.terminate()
        started.wait(30)


def wait_sent(queue: Queue, count: int, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    with psycopg.connect(queue.url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute("SELECT count(*) FROM deliveries WHERE state = 'Sent'").fetchone()
            if row is not None and row[0] >= count:
                return
            time.sleep(0.1)
    raise AssertionError(queue.states())


async def bare_loop(url: str, count: int) -> float:
    """The same requests a second, as many at a time as the worker sends to one channel."""
    left = count
    body = {"chat_id": "-1001", "text": "Entry order BTC/USDT · ema-cross\nStrategy: trading.ema-cross\nPair: BTC/USDT"}

    async def one(http: httpx.AsyncClient) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert (await http.post(f"{url}/bot1:a/sendMessage", json=body)).status_code == 200

    async with httpx.AsyncClient() as http:
        begin = time.perf_counter()
        await asyncio.gather(*(one(http) for _ in range(CONCURRENT)))
        return count / (time.perf_counter() - begin)


def test_deliveries_drained_by_one_worker(queue: Queue, vendor: str) -> None:
    bare = asyncio.run(bare_loop(vendor, DELIVERIES // 2))
    with process("worker", queue.url, vendor):
        queue.add("desk", pair="FIRST/USDT")
        wait_sent(queue, 1)
        queue.add("desk", count=DELIVERIES)
        wait_sent(queue, DELIVERIES + 1)
    (row,) = queue.rows(
        "SELECT count(*) n, count(DISTINCT message_id) messages FROM delivery_attempts WHERE reason = 'Sent'"
    )
    (times,) = queue.rows(
        "SELECT extract(epoch FROM max(settled_at) - (SELECT min(started_at) FROM delivery_attempts a JOIN deliveries b"
        " ON b.id = a.delivery_id WHERE b.created_at = (SELECT max(created_at) FROM deliveries)))::float s"
        " FROM deliveries"
    )
    rate = DELIVERIES / times["s"]
    print(
        f"\n{rate:.0f} P0 deliveries/s, each a message and a noted attempt; a bare httpx loop {bare:.0f}/s:"
        f" {rate / bare:.2f} of it; load {os.getloadavg()[0]:.1f}"
    )
    assert row["n"] == row["messages"] == DELIVERIES + 1
    assert rate >= A_SECOND


def test_signal_to_channel_at_a_hundred_a_second(
    queue: Queue, postgres: EmbeddedPostgres, vendor: str, tmp_path: Path
) -> None:
    """The whole way: the bot's webhook, the API, the outbox, the worker, the vendor's yes."""
    with process("worker", queue.url, vendor), serving_api(postgres.url, tmp_path) as server:
        wait_sent(queue, queue.count())
        queue.clear()
        figures = load_of(server, SECONDS, rate=SIGNALS_A_SECOND)
        wait_sent(queue, figures["accepted"])
    rows = queue.rows(
        "SELECT extract(epoch FROM a.started_at - d.created_at)::float + a.duration_ms / 1000.0 AS s"
        " FROM delivery_attempts a JOIN deliveries d ON d.id = a.delivery_id ORDER BY 1"
    )
    p50, p95, p99 = (rows[len(rows) * percent // 100]["s"] for percent in (50, 95, 99))
    print(
        f"\naccepted -> taken by the channel at {figures['per_second']:.0f}/s: p50 {1000 * float(p50):.0f} ms, p95"
        f" {1000 * float(p95):.0f} ms, p99 {1000 * float(p99):.0f} ms; load {os.getloadavg()[0]:.1f}"
    )
    # Those that were on their way as the load ended are not counted there.
    assert 0 <= len(rows) - figures["accepted"] <= CONNECTIONS
    assert figures["per_second"] >= 0.95 * SIGNALS_A_SECOND
    assert p95 < P95_SECONDS


if __name__ == "__main__":
    if sys.argv[1] == "vendor":
        serve_vendor(int(sys.argv[2]))
    else:
        work(sys.argv[2], [channel(endpoint=sys.argv[3])])
