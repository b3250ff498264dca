"""The API under test: in this process with Strategies put in by hand, or as a process of its own."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp

from btcwatcher_api.app import create_app
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.settings import Settings, load
from btcwatcher_api.signals.fastlane import WebhookProtocol
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.derive import webhook_token
from btcwatcher_crds.names import split_strategy_id, webhook_path

KEY = b"unit-test-key-of-more-than-32-bytes!"
READ_TOKEN = "read-token-of-the-tests-only"
STRATEGY = "trading.ema-cross"
FOREVER = dict.fromkeys(("retention_signals_days", "retention_deliveries_days"), 36_500)
"""The dates in test data grow old: settings that never drop them."""
FREQTRADE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "freqtrade_webhooks.json").read_text()
)
"""One real message per type."""


def strategy(identifier: str = STRATEGY, **signals: Any) -> dict[str, Any]:
    """A Strategy as far as the API looks at it."""
    namespace, name = split_strategy_id(identifier)
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"signals": signals}}


def token(identifier: str = STRATEGY, generation: int = 1) -> str:
    return webhook_token(KEY, *split_strategy_id(identifier), generation)


def webhook(identifier: str = STRATEGY) -> str:
    return webhook_path(*split_strategy_id(identifier))


@dataclass(slots=True)
class Api:
    """A running API and a client of it."""

    http: httpx.AsyncClient
    registry: Registry
    channels: ChannelRegistry
    app: FastAPI | None = None

    async def send(self, body: Any, identifier: str = STRATEGY, **options: Any) -> httpx.Response:
        """POST a body to the webhook as the bot would."""
        options.setdefault("auth", (identifier, token(identifier)))
        if isinstance(body, bytes):
            return await self.http.post(webhook(identifier), content=body, **options)
        return await self.http.post(webhook(identifier), json=body, **options)

    async def history(self, **filters: Any) -> list[dict[str, Any]]:
        """The signals of one page."""
        return list((await self.page(**filters))["items"])

    async def page(self, **filters: Any) -> dict[str, Any]:
        response = await self.read("/api/v1/signals/", **filters)
        assert response.status_code == 200, response.text
        page: dict[str, Any] = response.json()
        return page

    async def read(self, path: str, **filters: Any) -> httpx.Response:
        return await self.http.get(path, params=filters, headers={"Authorization": f"Bearer {READ_TOKEN}"})


def routes(app: FastAPI | None) -> set[tuple[str, str]]:
    """Method and path of every route that the API itself has; HEAD, FastAPI's pages about it, and the page for people
    are left out."""
    assert app is not None
    return {
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        if context.path and context.path.startswith(("/api/", "/healthz", "/readyz", "/metrics"))
        for method in context.methods or ()
        if method != "HEAD"
    }


def key_files(folder: Path) -> dict[str, Path]:
    """The files that the settings name."""
    files = {"webhook_key_file": folder / "webhook.key", "read_token_file": folder / "read.token"}
    files["webhook_key_file"].write_bytes(KEY)
    files["read_token_file"].write_text(READ_TOKEN)
    return files


def signing_key(folder: Path) -> dict[str, Any]:
    """The setting that accounts need."""
    file = folder / "signing.key"
    file.write_text("signing-key-of-the-tests-only-0123456789")
    return {"signing_key_file": file}


@contextlib.asynccontextmanager
async def running(database_url: str, folder: Path, *, watch: bool = False, **settings: Any) -> AsyncIterator[Api]:
    """The API in this process. Without `watch` nobody watches Kubernetes, and STRATEGY is known."""
    # On a busy machine a commit can take seconds; tests of the patience itself ask for less.
    settings.setdefault("ingest_patience_seconds", 20)
    settings = FOREVER | settings
    registry = Registry(KEY)
    registry.replace([strategy()])
    settings.setdefault("accounts", "signing_key_file" in settings)
    loaded = load(Settings, database_url=database_url, **key_files(folder), **settings)
    channels = ChannelRegistry()
    channels.replace(())
    app = create_app(loaded) if watch else create_app(loaded, registry, channels=channels)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.test") as http,
    ):
        yield Api(http, app.state.registry, app.state.channels, app)


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, protocol: type[asyncio.Protocol] = WebhookProtocol) -> AsyncIterator[uvicorn.Server]:
    """An app that `running` made, on a real socket as `serve` has it; `port_of` tells where. Another app needs another
    `protocol`."""
    config = uvicorn.Config(
        app, port=0, http=protocol, lifespan="off", log_config=None, server_header=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        yield server
    finally:
        server.should_exit = True
        await serving


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@dataclass(slots=True)
class ApiProcess:
    """`btcwatcher-api serve` as a process, on a free port."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    log: Path

    async def ready(self, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await self.http.get("/readyz")).status_code == 200:
                    return
            assert self.process.returncode is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.1)

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 20)


@contextlib.asynccontextmanager
async def process(
    database_url: str, folder: Path, kubeconfig: Path, port: int, **settings: str
) -> AsyncIterator[ApiProcess]:
    """The API as a process of its own; stopped at the end."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "BTCWATCHER_DATABASE_URL": database_url,
        "BTCWATCHER_PORT": str(port),
        **{f"BTCWATCHER_{name.upper()}": str(days) for name, days in FOREVER.items()},
        "BTCWATCHER_ACCOUNTS": "false",
        **{f"BTCWATCHER_{name.upper()}": str(path) for name, path in key_files(folder).items()},
        **settings,
    }
    log = folder / f"api-{port}.log"
    with log.open("ab") as output:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "btcwatcher_api.main", "serve", env=environment, stderr=output
        )
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=10) as http:
        running_process = ApiProcess(started, http, log)
        try:
            yield running_process
        finally:
            if started.returncode is None:
                await running_process.stop()
