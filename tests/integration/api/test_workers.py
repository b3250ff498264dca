"""Several worker processes behind one port: one event is one row, one answer speaks for all, and the dead come back."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from btcwatcher_local.loopback import free_port
from support import api
from support.api import FREQTRADE, ApiProcess, token, webhook
from support.api_cluster import Cluster

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]


@pytest.fixture
async def workers(cluster: Cluster, postgres_url: str, tmp_path: Path) -> AsyncIterator[ApiProcess]:
    await cluster.define()
    await cluster.apply()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE signals, deliveries")
    port = free_port()
    kubeconfig = tmp_path / "kubeconfig"
    async with api.process(postgres_url, tmp_path, kubeconfig, port, BTCWATCHER_WORKERS="2") as served:
        await served.ready(120)
        yield served


async def send(served: ApiProcess, body: object) -> httpx.Response:
    """On a connection of its own: the kernel gives it to one of the workers."""
    async with httpx.AsyncClient(base_url=served.http.base_url, timeout=20) as http:
        return await http.post(webhook(), json=body, auth=("", token()))


def children(pid: int) -> set[int]:
    """Those that live."""
    found = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(pid)], check=False, capture_output=True, text=True)
    return {int(line.split()[0]) for line in found.stdout.splitlines() if "Z" not in line}


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def figures(served: ApiProcess) -> dict[tuple[str, str], float]:
    """By name and worker, summed over all other labels. Fails if the text is not Prometheus' format."""
    text = (await served.http.get("/metrics")).text
    found: dict[tuple[str, str], float] = {}
    names = []
    for family in text_string_to_metric_families(text):
        names.append(family.name)
        for sample in family.samples:
            key = sample.name, sample.labels["worker"]
            found[key] = found.get(key, 0.0) + sample.value
    assert len(names) == len(set(names)), "each family in one piece"
    return found


async def stops(workers: ApiProcess) -> None:
    running = children(workers.process.pid)
    sent = [asyncio.create_task(send(workers, {**ENTRY, "trade_id": f"stop-{number}"})) for number in range(20)]
    await asyncio.sleep(0.05)
    assert await workers.stop() == 0
    for answer in await asyncio.gather(*sent, return_exceptions=True):
        assert isinstance(answer, httpx.TransportError) or answer.status_code in (202, 503)  # type: ignore[union-attr]
    assert not any(Path(f"/proc/{pid}").exists() for pid in running)


async def refuses_a_port_in_use(workers: ApiProcess, postgres_url: str, tmp_path: Path) -> None:
    files = {f"BTCWATCHER_{name.upper()}": str(path) for name, path in api.key_files(tmp_path).items()}
    port = str(workers.http.base_url.port)
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "btcwatcher_api.main", "serve"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "PATH": "",
            "BTCWATCHER_DATABASE_URL": postgres_url,
            "BTCWATCHER_PORT": port,
            "BTCWATCHER_WORKERS": "2",
            "BTCWATCHER_ACCOUNTS": "false",
            **files,
        },
    )
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


async def test_equal_messages_to_two_workers_are_one_row_and_an_orderly_stop_ends_both(
    workers: ApiProcess, postgres_url: str
) -> None:
    bodies = [FREQTRADE["warning"], FREQTRADE["entry_fill"], ENTRY, {**ENTRY, "sub_trade": "True"}]
    for round_ in range(6):
        marked = [{**body, "round": str(round_)} for body in bodies]
        answers = await asyncio.gather(*(send(workers, body) for body in marked for _ in range(4)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["id"] for answer in answers}) == len(bodies)
        assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM signals").fetchone() == (6 * len(bodies),)
    seen = await figures(workers)
    assert {worker for _, worker in seen} == {"0", "1"}
    stored = [seen.get(("btcwatcher_signals_total", worker), 0) for worker in "01"]
    assert sum(stored) == 6 * len(bodies)
    assert all(stored), "both took their part"
    # Whoever is asked says the same.
    again = await figures(workers)
    assert [again["btcwatcher_signals_total", worker] for worker in "01"] == stored
    assert [seen["btcwatcher_api_watch_synced", worker] for worker in "01"] == [2, 2]
    await stops(workers)


async def test_a_killed_worker_comes_back_and_nothing_acknowledged_is_missing(
    workers: ApiProcess, postgres_url: str
) -> None:
    acknowledged: set[str] = set()
    going = True

    async def sender(number: int) -> None:
        sent = 0
        while going:
            sent += 1
            try:
                answer = await send(workers, {**ENTRY, "trade_id": f"{number}-{sent}"})
            except httpx.TransportError:
                continue  # its connection ended with the worker: the sender tries again
            if answer.status_code == 202:
                acknowledged.add(answer.json()["id"])

    senders = [asyncio.create_task(sender(number)) for number in range(6)]
    before = children(workers.process.pid)
    assert len(before) == 2
    for _ in range(2):
        enough = len(acknowledged) + 20
        await until(lambda enough=enough: len(acknowledged) >= enough)  # type: ignore[misc]
        victim = children(workers.process.pid).pop()
        os.kill(victim, signal.SIGKILL)
        await until(lambda victim=victim: len(children(workers.process.pid) - {victim}) == 2)  # type: ignore[misc]
    enough = len(acknowledged) + 20
    await until(lambda: len(acknowledged) >= enough)
    going = False
    await asyncio.gather(*senders)
    await workers.ready(120)
    assert children(workers.process.pid) != before
    with psycopg.connect(postgres_url) as connection:
        stored = {str(identifier) for (identifier,) in connection.execute("SELECT id FROM signals")}
        doubled = connection.execute("SELECT payload FROM signals GROUP BY payload HAVING count(*) > 1").fetchall()
    assert acknowledged <= stored
    assert doubled == []
    assert '"a worker died"' in workers.log.read_text()


async def test_a_worker_that_hangs_is_no_health_and_the_port_stays_theirs(
    workers: ApiProcess, postgres_url: str, tmp_path: Path
) -> None:
    await refuses_a_port_in_use(workers, postgres_url, tmp_path)
    assert (await workers.http.get("/healthz")).status_code == 200
    hanging = children(workers.process.pid).pop()
    os.kill(hanging, signal.SIGSTOP)
    try:
        for _ in range(50):
            # A connection of its own each time: it may be the hanging one that is asked.
            async with httpx.AsyncClient(base_url=workers.http.base_url, timeout=5) as http:
                try:
                    answer = await http.get("/healthz")
                except httpx.TimeoutException:
                    continue
            assert answer.status_code == 503
            assert "does not answer" in answer.json()["status"]
            break
        else:
            pytest.fail("nobody answered")
    finally:
        os.kill(hanging, signal.SIGCONT)
    await workers.ready(120)


async def test_workers_do_not_outlive_their_parent(workers: ApiProcess) -> None:
    running = children(workers.process.pid)
    workers.process.kill()
    await workers.process.wait()
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in running))
