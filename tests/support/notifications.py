"""Deliveries in the outbox, channels to send them to, a vendor on loopback that takes them, and workers."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import uvloop
import yaml
from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from psycopg.rows import dict_row

from btcwatcher_api import logs
from btcwatcher_api.garbage import collect_rarely
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.worker.service import WorkerService
from btcwatcher_api.notifications.worker.settings import WorkerSettings
from btcwatcher_api.notifications.worker.vault import NO_VERSION, Data, Found, Missing
from btcwatcher_api.settings import load
from btcwatcher_crds.names import API_VERSION, GROUP, NOTIFICATION_CHANNEL_KIND, NOTIFICATION_CHANNEL_PLURAL, VERSION
from support.api_cluster import Cluster

NAMESPACE = "trading"
TOKEN = "123456:the-tests-own-token"
SECRET = {"token": TOKEN, "chatId": "-1001"}
TABLES = "signals, deliveries, delivery_attempts, channel_states, notices"
_CRD = Path(__file__).parents[2] / "crds" / "btcwatcher.io_notificationchannels.yaml"
QUICK = {"messages": 10_000, "per": "1s"}
"""A rate limit that limits nothing."""

Answer = tuple[int, Mapping[str, Any]]
YES: Answer = (200, {"ok": True, "result": {"message_id": 1}})
NO_AUTH: Answer = (401, {"ok": False, "description": "Unauthorized"})
TROUBLE: Answer = (502, {"ok": False, "description": "Bad Gateway"})
REFUSED: Answer = (400, {"ok": False, "description": "Bad Request: message is too long"})


def too_many(seconds: int) -> Answer:
    return 429, {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": seconds}}


@dataclass
class Vendor:
    """A Telegram Bot API on loopback. `answer` says what it does with a chat's message; `taken` are those it took."""

    url: str = ""
    answer: Callable[[str, str], Awaitable[Answer]] | None = None
    came: list[tuple[str, str]] = field(default_factory=list)
    """Chat and text of each request, as it arrived."""
    taken: list[tuple[str, str]] = field(default_factory=list)
    """Of each that was answered with a yes, in that order."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def texts(self) -> list[str]:
        return [text for _, text in self.taken]

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        chat, text = str(body["chat_id"]), str(body["text"])
        self.came.append((chat, text))
        self.news.set()
        status, document = YES if self.answer is None else await self.answer(chat, text)
        if status == 200:
            self.taken.append((chat, text))
        self.news.set()
        return web.json_response(document, status=status)


def always(answer: Answer) -> Callable[[str, str], Awaitable[Answer]]:
    async def give(chat: str, text: str) -> Answer:
        return answer

    return give


@contextlib.asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    there = Vendor()
    app = web.Application()
    app.router.add_post("/{bot}/sendMessage", there.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield there
    finally:
        await runner.cleanup()


def channel(name: str = "desk", **spec: Any) -> dict[str, Any]:
    """A NotificationChannel as the API server has it; without a word on it, nothing limits its rate."""
    spec = {"type": "Telegram", "credentialsRef": {"name": "telegram"}, "rateLimit": QUICK, **spec}
    return {
        "apiVersion": API_VERSION,
        "kind": NOTIFICATION_CHANNEL_KIND,
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": spec,
    }


class Box:
    """Secrets and ConfigMaps that a test puts there."""

    def __init__(self, secrets: Mapping[str, Data], maps: Mapping[str, Data] | None = None) -> None:
        self.secrets = dict(secrets)
        self.maps = dict(maps or {})
        self.looks = 0
        """How often somebody looked whether a Secret was changed."""

    async def version(self, namespace: str, name: str) -> str | None:
        self.looks += 1
        return _version(self.secrets[name]) if name in self.secrets else NO_VERSION

    async def secret(self, namespace: str, name: str, *, anew: bool = False) -> Found:
        if name not in self.secrets:
            raise Missing(f"there is no Secret {name} in namespace {namespace}")
        return Found(self.secrets[name], _version(self.secrets[name]))

    async def config_map(self, namespace: str, name: str) -> Found:
        if name not in self.maps:
            raise Missing(f"there is no ConfigMap {name} in namespace {namespace}")
        return Found(self.maps[name], _version(self.maps[name]))


def _version(data: Data) -> str:
    return str(zlib.crc32(repr(data).encode()))


@contextlib.asynccontextmanager
async def working(
    database_url: str, channels: Sequence[Mapping[str, Any]], box: Box | None = None, **settings: Any
) -> AsyncIterator[WorkerService]:
    """A worker in this process, with channels put in by hand."""
    registry = ChannelRegistry()
    registry.replace(channels)
    loaded = load(WorkerSettings, database_url=database_url, **settings)
    service = WorkerService(loaded, registry, box or Box({"telegram": SECRET}))
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Queue:
    """The outbox, as a test fills and reads it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def clear(self) -> None:
        self.run(f"TRUNCATE {TABLES}")

    def count(self) -> int:
        (row,) = self.rows("SELECT count(*) AS n FROM deliveries")
        return int(row["n"])

    def add(
        self, *channels: str, priority: int = 0, count: int = 1, pair: str = "BTC/USDT", ago: timedelta = timedelta()
    ) -> None:
        """Signals, each with a delivery to each of these channels, as the webhook writes them."""
        self.run(
            """
            WITH stored AS (
              INSERT INTO signals (id, event_time, received_at, event_key, dated, namespace, strategy, source, type,
                pair, price, level, priority, payload)
              SELECT gen_random_uuid(), now() - %(ago)s, now() - %(ago)s, decode(md5(random()::text), 'hex'), true,
                %(namespace)s, 'ema-cross', 'freqtrade', 'entry',
                %(pair)s || CASE WHEN %(count)s > 1 THEN n::text ELSE '' END, 60000, 'Strong', %(priority)s, '{}'
              FROM generate_series(1, %(count)s) n RETURNING id, received_at, priority)
            INSERT INTO deliveries
              (subject_id, strategy, channel_namespace, channel, created_at, priority, next_attempt_at)
            SELECT id, %(namespace)s || '.ema-cross', %(namespace)s, channel, received_at, priority, received_at
            FROM stored, unnest(%(channels)s::text[]) channel
            """,
            {
                "namespace": NAMESPACE,
                "pair": pair,
                "count": count,
                "priority": priority,
                "channels": list(channels),
                "ago": ago,
            },
            "SELECT pg_notify('btcwatcher_signals', '0')",
        )

    def add_test(self, channel: str) -> None:
        """A test of the channel, as the API writes it."""
        self.run(
            """
            WITH stored AS (
              INSERT INTO notices (created_at, kind, namespace, priority, title, body, author)
              VALUES (now(), 'Test', %(namespace)s, 0, 'Test', 'A test.', 'ada') RETURNING id, created_at)
            INSERT INTO deliveries (subject_id, kind, channel_namespace, channel, created_at, priority, next_attempt_at)
            SELECT id, 'Test', %(namespace)s, %(channel)s, created_at, 0, created_at FROM stored
            """,
            {"namespace": NAMESPACE, "channel": channel},
            "SELECT pg_notify('btcwatcher_notices', '')",
        )

    async def replay(self) -> None:
        """All that came to an end is to be sent again, as the API does it."""
        await self.alter(
            "UPDATE deliveries SET attempts = 0, state = 'Pending', reason = NULL, settled_at = NULL,"
            " replayed_at = clock_timestamp(), next_attempt_at = clock_timestamp() WHERE state <> 'Pending'",
            "SELECT pg_notify('btcwatcher_notices', '')",
        )

    def run(self, statement: str, values: Mapping[str, Any] | None = None, *more: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement, values)
            for one in more:
                connection.execute(one)

    async def alter(self, *statements: str) -> None:
        """Rows that a worker of this event loop may have locked: it has to go on for them to be free."""
        for statement in statements:
            await asyncio.to_thread(self.run, statement)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(statement).fetchall()

    def deliveries(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM deliveries ORDER BY created_at, channel, id")

    def attempts(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM delivery_attempts ORDER BY started_at, number, delivery_id")

    def state(self, name: str = "desk") -> dict[str, Any]:
        found = [row for row in self.rows("SELECT * FROM channel_states") if row["channel"] == name]
        return found[0] if found else {}

    def states(self) -> dict[str, int]:
        """How many deliveries are in which state."""
        return {row["state"]: row["n"] for row in self.rows("SELECT state, count(*) n FROM deliveries GROUP BY state")}

    async def time_passes(self) -> None:
        """All that is waited for is over: leases, pauses and pending attempts."""
        await self.alter(
            "UPDATE deliveries SET next_attempt_at = now() WHERE state = 'Pending'",
            "UPDATE channel_states SET paused_until = now() WHERE paused_until IS NOT NULL",
            "SELECT pg_notify('btcwatcher_signals', '0')",
        )

    async def pause_long(self) -> None:
        """Nobody sends anything of what waits for its next attempt by himself."""
        await self.alter(
            "UPDATE deliveries SET next_attempt_at = now() + interval '1 hour' WHERE state = 'Pending'",
            "UPDATE channel_states SET paused_until = now() + interval '1 hour' WHERE paused_until IS NOT NULL",
        )

    def messages(self) -> set[UUID]:
        return {row["message_id"] for row in self.attempts()}


async def until(holds: Callable[[], bool], why: Callable[[], object] = lambda: "", seconds: float = 90.0) -> None:
    """Wait until it holds; how long that may take says nothing about how long it should."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, why()
        await asyncio.sleep(0.05)


def figures(service: WorkerService, metric: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by the values of their labels, in the order of these labels' names."""
    families = text_string_to_metric_families(generate_latest(service.metrics.registry).decode())
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == metric
    }


@dataclass(slots=True)
class WorkerProcess:
    """`btcwatcher-api worker` as a process."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def metric(self, name: str) -> dict[tuple[str, ...], float]:
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"{self.url}/metrics")).text
        return {
            tuple(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }


@contextlib.asynccontextmanager
async def worker_process(
    database_url: str, folder: Path, kubeconfig: Path, port: int, **settings: str
) -> AsyncIterator[WorkerProcess]:
    """Ready once this is entered; ended at the end, if it still runs."""
    log = folder / f"worker-{port}.log"
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "BTCWATCHER_DATABASE_URL": database_url,
        "BTCWATCHER_PORT": str(port),
        **settings,
    }
    with log.open("ab") as output:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "btcwatcher_api.main", "worker", env=environment, stderr=output
        )
    worker = WorkerProcess(started, f"http://127.0.0.1:{port}", log)
    try:
        async with httpx.AsyncClient() as http:
            deadline = time.monotonic() + 120
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{worker.url}/readyz")).status_code == 200:
                        break
                assert started.returncode is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                await asyncio.sleep(0.1)
        yield worker
    finally:
        if started.returncode is None:
            started.terminate()
            await started.wait()


class ChannelCluster:
    """NotificationChannels and their Secrets on the embedded API server."""

    def __init__(self, cluster: Cluster) -> None:
        self._http = cluster.http
        self._path = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/{NOTIFICATION_CHANNEL_PLURAL}"

    async def define(self) -> None:
        definition = yaml.safe_load(_CRD.read_text())
        answer = await self._http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition)
        assert answer.status_code == 201, answer.text

    async def secret(self, name: str = "telegram", data: Mapping[str, str] | None = None) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in (data or SECRET).items()}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
        answer = await self._http.post(f"/api/v1/namespaces/{NAMESPACE}/secrets", json=manifest)
        assert answer.status_code == 201, answer.text

    async def apply(self, manifest: Mapping[str, Any]) -> None:
        answer = await self._http.patch(
            f"{self._path}/{manifest['metadata']['name']}?fieldManager=test&force=true",
            json=manifest,
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        assert answer.status_code in (200, 201), answer.text

    async def conditions(self, name: str) -> dict[str, tuple[str, str]]:
        """Status and reason by type."""
        found = (await self._http.get(f"{self._path}/{name}")).json().get("status", {}).get("conditions", [])
        return {one["type"]: (one["status"], one["reason"]) for one in found}

    async def version(self, name: str) -> str:
        return str((await self._http.get(f"{self._path}/{name}")).json()["metadata"]["resourceVersion"])

    async def until(self, name: str, **conditions: tuple[str, str]) -> None:
        """Wait until the channel has exactly these conditions."""
        deadline = time.monotonic() + 90
        while (found := await self.conditions(name)) != conditions:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.1)

    async def until_events(self, name: str, reasons: Sequence[str]) -> None:
        """Wait until exactly these Events were told of the channel, in this order."""
        deadline = time.monotonic() + 90
        while (found := await self._events(name)) != list(reasons):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.1)

    async def _events(self, name: str) -> list[str]:
        items = (await self._http.get(f"/api/v1/namespaces/{NAMESPACE}/events")).json()["items"]
        ours = [item for item in items if item["involvedObject"]["name"] == name]
        return [item["reason"] for item in sorted(ours, key=lambda item: int(item["metadata"]["resourceVersion"]))]


def serve_vendor(port: int) -> None:
    """A vendor as a process of its own, which says yes to everything and keeps nothing."""
    yes = json.dumps(YES[1]).encode()

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=yes, content_type="application/json")

    app = web.Application()
    app.router.add_post("/{bot}/sendMessage", handle)
    app.router.add_get("/count", handle)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


def work(database_url: str, channels: Sequence[Mapping[str, Any]]) -> None:
    """A worker as a process of its own, with channels put in by hand, on the loop and with the garbage collection that
    `btcwatcher-api worker` has."""
    logs.configure("WARNING")
    collect_rarely()

    async def run() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with working(database_url, channels):
            await ended.wait()

    uvloop.run(run())
