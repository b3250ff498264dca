"""The process: any number of them may run side by side."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web

from btcwatcher_api import logs
from btcwatcher_api.addresses import TrustedProxies
from btcwatcher_api.cluster.watch import STRATEGIES, Watch
from btcwatcher_api.engines import writing_engine
from btcwatcher_api.garbage import collect_rarely
from btcwatcher_api.screen.app import machines_app, screen_app
from btcwatcher_api.screen.bot_requests import BotRequests
from btcwatcher_api.screen.bots import Bots
from btcwatcher_api.screen.commands import Commands
from btcwatcher_api.screen.files import Files
from btcwatcher_api.screen.metrics import ScreenMetrics
from btcwatcher_api.screen.pages import Pages
from btcwatcher_api.screen.sessions import Sessions
from btcwatcher_api.screen.settings import ScreenSettings
from btcwatcher_api.strategies.registry import Registry

_log = logs.get("btcwatcher_api.screen")
_STATEMENT_SECONDS: Final = 10.0
_CONNECTIONS: Final = 5
_KEEP_ALIVE_SECONDS: Final = 4.0
"""freqtrade's server closes what was idle for five seconds."""
_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Screen:
    """One that listens."""

    registry: Registry
    metrics: ScreenMetrics
    port: int
    metrics_port: int


@contextlib.asynccontextmanager
async def serving(settings: ScreenSettings, registry: Registry | None = None) -> AsyncIterator[Screen]:
    """The screen, listening. With a `registry` nobody watches Kubernetes: its Strategies are what the caller put there.

    Raises SettingsError, and OSError where it cannot listen.
    """
    metrics = ScreenMetrics()
    files = Files(settings.frequi_dir)
    key = settings.bot_key()
    known = registry if registry is not None else Registry(None, settings.namespace_set)
    watches = [Watch(STRATEGIES, known, metrics.watches, settings.namespace_set)] if registry is None else []
    engine = writing_engine(settings.database_url.get_secret_value(), most=_CONNECTIONS, timeout=_STATEMENT_SECONDS)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        client = await stack.enter_async_context(_client(settings.screen_bot_connections))
        # Websockets stay: they must not take the places of requests.
        streams = await stack.enter_async_context(_client(0))
        sessions = Sessions(engine, settings.session_lifetime)
        pages = Pages(
            files,
            sessions,
            known,
            TrustedProxies(settings.trusted_proxies),
            secure=settings.secure,
            hours=settings.screen_session_hours,
        )
        requests = BotRequests(
            Bots(known, settings.bot_address, key),
            sessions,
            Commands(engine),
            client,
            streams,
            metrics,
            settings.screen_timeout_seconds,
        )
        browsers = await _listen(
            stack,
            screen_app(pages, requests, metrics, settings),
            settings.host,
            settings.port,
        )
        machines = await _listen(stack, machines_app(known, metrics), settings.metrics_host, settings.metrics_port)
        beside = [asyncio.create_task(watch.run()) for watch in watches]
        try:
            yield Screen(known, metrics, browsers, machines)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


async def run(settings: ScreenSettings) -> None:
    """Until SIGTERM or SIGINT. Raises SettingsError and OSError."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with serving(settings) as screen:
        collect_rarely()
        _log.info("the fleet screen is there", host=settings.host, port=screen.port)
        await ended.wait()


def _client(per_bot: int) -> aiohttp.ClientSession:
    """For asking bots; `per_bot` limits what one is asked at the same time, 0 does not."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=per_bot, keepalive_timeout=_KEEP_ALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        # What a bot has compressed the browser can read as well.
        auto_decompress=False,
    )


async def _listen(stack: contextlib.AsyncExitStack, app: web.Application, host: str, port: int) -> int:
    """The port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()
    return int(runner.addresses[0][1])
