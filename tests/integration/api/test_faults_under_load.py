"""Faults while signals come: the API killed, the disk full, Postgres hung, Kubernetes not there at the start.

After each: what was acknowledged is stored, nothing is stored twice, and memory has stayed bounded.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from btcwatcher_api.migrate import migrate
from btcwatcher_local.apiserver import serve
from btcwatcher_local.loopback import free_port
from btcwatcher_local.postgres import EmbeddedPostgres
from support import api
from support.api import FREQTRADE, ApiProcess, token, webhook
from support.api_cluster import Cluster

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]
_MIB = 1024 * 1024
_DISK = 176 * _MIB
"""Room for an empty, migrated server and some segments of write-ahead log."""


class Senders:
    """Bots that send one entry after the other and, as freqtrade does, the same one again until it is taken."""

    def __init__(self, post: Callable[[Any], Any], count: int, **more: Any) -> None:
        self._post = post
        self._more = more
        self._going = True
        self.acknowledged: dict[str, str] = {}
        """From the trade's id to the signal's."""
        self.answers: set[int] = set()
        self._tasks = [asyncio.create_task(self._send(number)) for number in range(count)]

    async def _send(self, number: int) -> None:
        sent = 0
        while self._going:
            trade = f"{number}-{sent}"
            try:
                answer = await self._post({**ENTRY, **self._more, "trade_id": trade})
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            self.answers.add(answer.status_code)
            if answer.status_code == 202:
                self.acknowledged[trade] = answer.json()["id"]
                sent += 1
            else:
                assert answer.status_code == 503, answer.text
                assert answer.headers["retry-after"] == "1"
                await asyncio.sleep(0.05)

    async def more(self, count: int, seconds: float = 120.0) -> None:
        """Until so many more are acknowledged."""
        enough = len(self.acknowledged) + count
        await until(lambda: len(self.acknowledged) >= enough, seconds)

    async def stop(self) -> None:
        self._going = False
        await asyncio.gather(*self._tasks)


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def check_rows(url: str, senders: Senders) -> None:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT trade_id, id FROM signals").fetchall()
    stored = {trade: str(identifier) for trade, identifier in rows}
    assert len(rows) == len(stored), "nothing twice"
    assert senders.acknowledged.items() <= stored.items()


async def test_kill_9_of_the_api_loses_nothing_and_its_successor_doubles_nothing(
    cluster: Cluster, postgres_url: str, tmp_path: Path
) -> None:
    await cluster.define()
    await cluster.apply()
    port = free_port()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, limits=limits) as http:
        async with api.process(postgres_url, tmp_path, tmp_path / "kubeconfig", port) as first:
            await first.ready(120)
            senders = Senders(lambda body: http.post(webhook(), json=body, auth=("", token())), 16)
            await senders.more(300)
            first.process.kill()
            await first.process.wait()
        async with api.process(postgres_url, tmp_path, tmp_path / "kubeconfig", port) as second:
            await second.ready(120)
            await senders.more(100)
            await senders.stop()
    # Each sender repeated what was under way when the API died: stored or not, it is there once now.
    check_rows(postgres_url, senders)


@pytest.fixture
async def small_disk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedPostgres]:
    """A server whose data lies on a file system of its own, which can be filled."""
    folder = Path(tempfile.mkdtemp(prefix="btcwatcher-disk-"))
    folder.chmod(0o755)
    mounted = await asyncio.to_thread(
        subprocess.run,
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("no right to mount a file system")
    monkeypatch.delenv("BTCWATCHER_DATABASE_URL", raising=False)
    server = EmbeddedPostgres(folder / "data", settings={"max_wal_size": "64MB", "min_wal_size": "32MB"})
    try:
        folder.chmod(0o755)
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(migrate, server.url, 1)
        yield server
    finally:
        await asyncio.to_thread(server.remove)
        await asyncio.to_thread(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


async def test_a_full_disk_is_503_until_there_is_room(small_disk: EmbeddedPostgres, tmp_path: Path) -> None:
    ballast = small_disk.folder.parent / "ballast"
    async with api.running(small_disk.url, tmp_path, ingest_patience_seconds=1.0) as served:
        senders = Senders(served.send, 8, note="x" * 20_000)
        await senders.more(50)
        free = shutil.disk_usage(small_disk.folder).free
        ballast.write_bytes(b"\0" * (free - 2 * _MIB))
        await until(lambda: 503 in senders.answers)
        # Full for a while: the server may have given up by itself, as it does when its log finds no room.
        taken = len(senders.acknowledged)
        await asyncio.sleep(1.0)
        assert (await served.http.get("/healthz")).status_code == 200
        ballast.unlink()
        if small_disk.pid is None:
            await asyncio.to_thread(small_disk.start)
        await senders.more(50)
        await senders.stop()
        assert taken > 0
        check_rows(small_disk.url, senders)


def _backends(server: EmbeddedPostgres, name: str) -> list[int]:
    with psycopg.connect(server.url) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", (name,)).fetchall()
    return [pid for (pid,) in rows]


def resident(process: ApiProcess) -> int:
    """Bytes."""
    pages = int(Path(f"/proc/{process.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.full
async def test_memory_is_bounded_while_postgres_hangs(cluster: Cluster, own: EmbeddedPostgres, tmp_path: Path) -> None:
    await cluster.define()
    await cluster.apply()
    bounds = {"BTCWATCHER_INGEST_QUEUE_BYTES": str(8 * _MIB), "BTCWATCHER_INGEST_PATIENCE_SECONDS": "3"}
    async with api.process(own.url, tmp_path, tmp_path / "kubeconfig", free_port(), **bounds) as served:
        await served.ready(120)
        body = json.dumps({**ENTRY, "trade_id": "NUMBER", "note": "x" * 100_000}).encode()

        async def post(number: int) -> int:
            # A connection each: one that is kept may be closed, as idle, at the moment it is used again.
            answer = await served.http.post(
                webhook(),
                content=body.replace(b"NUMBER", b"%d" % number),
                auth=("", token()),
                headers={"Connection": "close"},
                timeout=120,
            )
            return answer.status_code

        await asyncio.gather(*(post(number) for number in range(50)))
        before = resident(served)
        assert own.pid is not None
        # The postmaster too, or the API would give up the silent connection and be served by a new one.
        stopped = [*_backends(own, "btcwatcher-api ingest"), own.pid]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            # 100 MB in all, of which 8 may wait.
            answers = [
                status
                for begin in range(100, 1100, 50)
                for status in await asyncio.gather(*(post(number) for number in range(begin, begin + 50)))
            ]
            grown = resident(served) - before
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        assert set(answers) == {503}
        assert grown < 64 * _MIB

        async def taken() -> bool:
            return await post(5000) == 202

        await until(taken)


async def test_kubernetes_away_at_the_start_is_503_until_it_is_there(postgres_url: str, tmp_path: Path) -> None:
    """Never 401 or 404: those would make a sender drop its signal."""
    kubeconfig, port = tmp_path / "kubeconfig", free_port()
    async with serve("127.0.0.1", port, "t", tls=False) as serving:
        serving.write_kubeconfig(kubeconfig)
    async with api.process(postgres_url, tmp_path, kubeconfig, free_port()) as served:

        async def status() -> int:
            answer = await served.http.post(webhook(), json=ENTRY, auth=("", token()))
            return answer.status_code

        async def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await served.http.get("/healthz")).status_code == 200
            return False

        await until(answers)
        assert await status() == 503
        assert (await served.http.get("/readyz")).status_code == 503
        headers = {"Authorization": "Bearer t"}
        async with (
            serve("127.0.0.1", port, "t", tls=False) as serving,
            httpx.AsyncClient(base_url=serving.url, headers=headers) as http,
        ):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "trading"}}
            await http.post("/api/v1/namespaces", json=namespace)
            cluster = Cluster(serving, http)
            await cluster.define()
            await cluster.apply()
            await served.ready(60)

            async def taken() -> bool:
                return await status() == 202

            await until(taken)
