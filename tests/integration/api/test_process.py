"""`btcwatcher-api serve` as a process: real sockets, a real watch on the embedded API server."""

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import psycopg
import pytest

from btcwatcher_local.apiserver import serve
from btcwatcher_local.loopback import free_port
from support import api
from support.api import FREQTRADE, STRATEGY, ApiProcess, token, webhook
from support.api_cluster import Cluster
from support.streams import Listener

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]


async def status(process: ApiProcess, identifier: str = STRATEGY, password: str | None = None) -> int:
    answer = await process.http.post(
        webhook(identifier), json=FREQTRADE["warning"], auth=("", password or token(identifier))
    )
    return answer.status_code


async def becomes(process: ApiProcess, wanted: int, identifier: str = STRATEGY, password: str | None = None) -> None:
    for _ in range(100):
        if (found := await status(process, identifier, password)) == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{identifier}: {found} instead of {wanted}: {process.log.read_text()}")


async def knows(process: ApiProcess, strategies: int) -> None:
    wanted = f'btcwatcher_api_watch_objects{{kind="Strategy"}} {float(strategies)}'
    for _ in range(100):
        if wanted in (shown := (await process.http.get("/metrics")).text).splitlines():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {wanted}: {shown}")


async def test_the_watch_follows_the_cluster(cluster: Cluster, postgres_url: str, tmp_path: Path) -> None:
    async with api.process(postgres_url, tmp_path, tmp_path / "kubeconfig", free_port()) as served:
        # No CRD yet: nobody is known, so nobody is unknown.
        await becomes_reachable(served)
        assert await status(served) == 503
        await cluster.define()
        await cluster.apply()
        await served.ready()
        assert await status(served, "trading.unknown") == 404
        assert await status(served) == 202
        # An object far longer than a line buffer, and a rotation.
        await cluster.apply(source="#" * 120_000, tokenGeneration=2)
        await becomes(served, 202, password=token(generation=2))
        assert await status(served) == 202
        await cluster.apply(source="#" * 120_000, tokenGeneration=3)
        await becomes(served, 401)
        await cluster.apply("desk.other")
        await becomes(served, 202, "desk.other")
        await cluster.delete("desk.other")
        await knows(served, 1)
        # Its bot may still be sending what it did last.
        assert await status(served, "desk.other") == 202
        assert await served.stop() == 0
        assert token() not in served.log.read_text()
        assert '"strategy": "trading.unknown"' in served.log.read_text()


async def becomes_reachable(served: ApiProcess) -> None:
    for _ in range(200):
        try:
            if (await served.http.get("/healthz")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError(served.log.read_text())


async def test_kubernetes_away_is_no_reason_to_refuse_signals(postgres_url: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    port = free_port()
    async with serve("127.0.0.1", port, "t", tls=False) as serving:
        serving.write_kubeconfig(kubeconfig)
        async with httpx.AsyncClient(base_url=serving.url, headers={"Authorization": "Bearer t"}) as http:
            cluster = Cluster(serving, http)
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "trading"}}
            await http.post("/api/v1/namespaces", json=namespace)
            await cluster.define()
            await cluster.apply()
        process = api.process(postgres_url, tmp_path, kubeconfig, free_port())
        served = await process.__aenter__()
        try:
            await served.ready()
        except BaseException:
            await process.__aexit__(None, None, None)
            raise
    try:
        await asyncio.sleep(0.5)
        assert await status(served) == 202
        document = (await served.http.get("/readyz")).json()
        assert document["ready"] is True
        assert [check["name"] for check in document["checks"] if not check["ok"]] == ["kubernetes"]
        # Back, and empty: a list says so, though no DELETED event ever will.
        async with serve("127.0.0.1", port, "t", tls=False) as serving:
            async with httpx.AsyncClient(base_url=serving.url, headers={"Authorization": "Bearer t"}) as http:
                await Cluster(serving, http).define()
            await knows(served, 0)
    finally:
        await process.__aexit__(None, None, None)


async def test_an_orderly_stop_answers_whoever_waits(cluster: Cluster, postgres_url: str, tmp_path: Path) -> None:
    await cluster.define()
    await cluster.apply()
    async with api.process(postgres_url, tmp_path, tmp_path / "kubeconfig", free_port()) as served:
        await served.ready()
        sent = [
            asyncio.create_task(
                served.http.post(webhook(), json={**ENTRY, "trade_id": f"stop-{number}"}, auth=("", token()))
            )
            for number in range(50)
        ]
        await asyncio.sleep(0.05)
        assert await served.stop() == 0
        answers = await asyncio.gather(*sent, return_exceptions=True)
    for answer in answers:
        # A connection that was not accepted any more is honest; an answer other than 202 and 503 is not.
        assert isinstance(answer, httpx.TransportError) or answer.status_code in (202, 503)  # type: ignore[union-attr]


async def test_an_orderly_stop_sends_listeners_away(cluster: Cluster, postgres_url: str, tmp_path: Path) -> None:
    """Not after the grace, and not in the middle of an event: `listen` would raise."""
    await cluster.define()
    await cluster.apply()
    async with api.process(postgres_url, tmp_path, tmp_path / "kubeconfig", free_port()) as served:
        await served.ready()
        listener = Listener()
        listening = asyncio.create_task(listener.listen(served.http))
        await listener.open.wait()
        # A body of its own: one that an earlier test sent within the window is the same signal, and no news.
        body = {**ENTRY, "trade_id": "listener"}
        assert (await served.http.post(webhook(), json=body, auth=("", token()))).status_code == 202
        await listener.until(1)
        assert await served.stop() == 0
        await listening
        assert "Cancel" not in served.log.read_text()


async def test_large_bodies_on_a_real_socket(cluster: Cluster, postgres_url: str, tmp_path: Path) -> None:
    await cluster.define()
    await cluster.apply()
    async with api.process(postgres_url, tmp_path, tmp_path / "kubeconfig", free_port()) as served:
        await served.ready()
        for size in (1024 * 1024, 8 * 1024 * 1024):
            body = b'{"type": "warning", "status": "' + b"x" * size + b'"}'
            answer = await served.http.post(webhook(), content=body, auth=("", token()))
            assert answer.status_code == 413
            assert answer.headers["content-type"] == "application/problem+json"
        just_fits = b'{"type": "warning", "status": "' + b"x" * 60_000 + b'"}'
        assert (await served.http.post(webhook(), content=just_fits, auth=("", token()))).status_code == 202


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_without_settings_one_sentence_names_them(command: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "btcwatcher_api.main", command],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": ""},
    )
    assert result.returncode == 2
    assert "BTCWATCHER_DATABASE_URL is not set" in result.stderr
    assert "Traceback" not in result.stderr


def test_serve_refuses_an_empty_database_with_a_sentence(postgres_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE never_migrated")
    url = postgres_url.rsplit("/", 1)[0] + "/never_migrated"
    keys = {**api.key_files(tmp_path), **api.signing_key(tmp_path)}
    files = {f"BTCWATCHER_{name.upper()}": str(path) for name, path in keys.items()}
    result = subprocess.run(
        [sys.executable, "-m", "btcwatcher_api.main", "serve"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "", "BTCWATCHER_DATABASE_URL": url, **files},
    )
    assert result.returncode == 2
    assert "run `btcwatcher-api migrate`" in result.stderr
    assert "Traceback" not in result.stderr
