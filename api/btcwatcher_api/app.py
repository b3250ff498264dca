"""Puts the API together: one ASGI app, its state, and what runs beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import Lifespan

from btcwatcher_api import docs, openapi, problems
from btcwatcher_api.accounts import audit_endpoints, keys_endpoints, users_endpoints
from btcwatcher_api.accounts import endpoints as auth
from btcwatcher_api.accounts.service import Accounts
from btcwatcher_api.accounts.tokens import Signer
from btcwatcher_api.addresses import TrustedProxies
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.cluster.machines import Machines
from btcwatcher_api.cluster.watch import CHANNELS, STRATEGIES, Copy, Kind, Watch
from btcwatcher_api.database import listening_connection, writing_connection
from btcwatcher_api.engines import reading_engine, writing_engine
from btcwatcher_api.fleet import endpoints as fleet
from btcwatcher_api.metrics import Metrics
from btcwatcher_api.middleware import RequestLayer
from btcwatcher_api.monitoring import endpoints as monitoring
from btcwatcher_api.notifications import (
    alert_endpoints,
    channel_endpoints,
    history_endpoints,
    replay_endpoints,
    sending_endpoints,
)
from btcwatcher_api.notifications import statistics_endpoints as notification_statistics
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.router import Router
from btcwatcher_api.page import router as page
from btcwatcher_api.page.candles import Candles
from btcwatcher_api.prometheus import Prometheus
from btcwatcher_api.proxies import endpoints as proxies
from btcwatcher_api.query_names import refuse_unknown
from btcwatcher_api.settings import Settings
from btcwatcher_api.signals import endpoints, statistics_endpoints, stream_endpoints, webhook
from btcwatcher_api.signals.fastlane import Lane
from btcwatcher_api.signals.feed import Feed
from btcwatcher_api.signals.ingest import GroupCommit
from btcwatcher_api.signals.intake import Intake
from btcwatcher_api.signals.rollup import keep_rolled_up
from btcwatcher_api.signals.writer import SignalWriter
from btcwatcher_api.strategies import connecting_endpoints, files_endpoints, logs_endpoints
from btcwatcher_api.strategies import endpoints as strategies
from btcwatcher_api.strategies.files import Files
from btcwatcher_api.strategies.podlog import PodLogs
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_api.system import endpoints as system
from btcwatcher_api.system import health
from btcwatcher_api.system.threshold import AlertThreshold
from btcwatcher_api.tables.upkeep import keep_partitions
from btcwatcher_api.workers.siblings import Siblings

_WRITE_SECONDS = 10.0
_WRITERS = 4


def create_app(
    settings: Settings,
    registry: Registry | None = None,
    siblings: Siblings | None = None,
    channels: ChannelRegistry | None = None,
) -> FastAPI:
    """The app. With a `registry` nobody watches Kubernetes: its Strategies, and `channels`, are what the caller put
    there. `siblings` are the other workers of this replica, if there are any.

    Raises SettingsError for keys and tokens that cannot be read or are too weak.
    """
    database_url = settings.database_url.get_secret_value()
    metrics = Metrics()
    known = registry if registry is not None else Registry(settings.webhook_key(), settings.namespace_set)
    known_channels = channels if channels is not None else ChannelRegistry(settings.namespace_set)
    if registry is not None and channels is None:
        known_channels.replace(())
    watched: list[tuple[Kind, Copy]] = [(STRATEGIES, known), (CHANNELS, known_channels)] if registry is None else []
    watches = [Watch(kind, copy, metrics.watches, settings.namespace_set) for kind, copy in watched]
    commits = GroupCommit(
        SignalWriter(
            lambda: writing_connection(database_url, statement_seconds=_WRITE_SECONDS), patience=_WRITE_SECONDS
        ),
        metrics,
        batch=settings.ingest_batch,
        queue=settings.ingest_queue,
        queue_bytes=settings.ingest_queue_bytes,
        patience=settings.ingest_patience_seconds,
    )
    engine = reading_engine(
        database_url,
        size=settings.pool_size,
        most=settings.pool_max,
        timeout=settings.query_timeout_seconds,
    )

    feed = Feed(engine, lambda: listening_connection(database_url), metrics)
    changing = writing_engine(database_url, most=_WRITERS, timeout=_WRITE_SECONDS)
    cluster = Cluster()
    threshold = AlertThreshold(cluster, settings.pod_namespace, metrics.capacity_threshold)
    prometheus = (
        Prometheus(settings.prometheus_url, settings.prometheus_token_file) if settings.prometheus_url else None
    )
    signing_key = settings.signing_key()
    signer = Signer(signing_key, settings.access_lifetime) if signing_key is not None else None

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        commits.start()
        beside = [
            asyncio.create_task(keep_partitions(database_url, settings.partition_months_ahead, settings.retention)),
            asyncio.create_task(keep_rolled_up(changing), name="roll-up"),
            asyncio.create_task(feed.run(), name="feed"),
        ]
        beside += [asyncio.create_task(watch.run()) for watch in watches]
        if watches:
            beside.append(asyncio.create_task(threshold.keep()))
        try:
            yield
        finally:
            feed.end()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await commits.stop()
            await engine.dispose()
            await changing.dispose()
            await cluster.close()
            await app.state.candles.close()
            if prometheus is not None:
                await prometheus.close()

    app = described_app(lifespan)
    app.state.alert_threshold = threshold
    app.state.candles = Candles(settings.collector_url)
    app.state.changing = changing
    app.state.cluster = cluster
    app.state.commits = commits
    app.state.engine = engine
    app.state.files = Files(cluster)
    app.state.pod_logs = PodLogs(cluster)
    app.state.machines = Machines(cluster)
    app.state.feed = feed
    app.state.metrics = metrics
    app.state.prometheus = prometheus
    app.state.registry = known
    app.state.channels = known_channels
    app.state.watches = watches
    app.state.read_token = settings.read_token()
    app.state.settings = settings
    app.state.siblings = siblings or Siblings(0, {})
    app.state.signer = signer
    app.state.trusted_proxies = TrustedProxies(settings.trusted_proxies)
    app.state.accounts = (
        Accounts(changing, signer, registration=settings.registration, refresh_lifetime=settings.refresh_lifetime)
        if signer is not None
        else None
    )
    intake = Intake(
        known,
        Router(known_channels),
        metrics,
        body_limit=settings.body_limit,
        window=timedelta(seconds=settings.undated_window_seconds),
        kept=settings.retention.signals,
    )
    app.state.lane = Lane(intake, commits)
    receive_signal = webhook.Webhook(intake, commits)
    # A route as well, for the answer to any other method; a POST takes the short way through the request layer.
    app.router.routes.append(Route(webhook.PATH, receive_signal, methods=["POST"], name="receiveSignal"))
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "Last-Event-ID", "X-Request-ID"],
            expose_headers=["ETag", "Location", "Retry-After", "X-Request-ID"],
            # Tokens are sent by the page, never by the browser on its own.
            allow_credentials=False,
        )
    app.add_middleware(RequestLayer, metrics=metrics, webhook=receive_signal)
    return app


def described_app(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """The app as far as its description goes: enough for `openapi()`, which needs no database and no key."""
    app = FastAPI(
        title="BTC Watcher",
        version=_version(),
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        lifespan=lifespan,
        dependencies=[Depends(refuse_unknown)],
        # docs.py has a page that fetches nothing from elsewhere.
        docs_url=None,
        redoc_url=None,
        # A redirect would make a sender post its signal, and its token, twice.
        redirect_slashes=False,
        # We have metrics of our own; looking whether somebody set up OpenTelemetry costs 20 us a request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.include_router(auth.router)
    app.include_router(keys_endpoints.router)
    app.include_router(users_endpoints.router)
    app.include_router(audit_endpoints.router)
    app.include_router(strategies.router)
    app.include_router(files_endpoints.router)
    app.include_router(logs_endpoints.router)
    app.include_router(connecting_endpoints.router)
    app.include_router(statistics_endpoints.router)
    app.include_router(stream_endpoints.router)
    app.include_router(endpoints.router)
    app.include_router(channel_endpoints.router)
    app.include_router(alert_endpoints.router)
    app.include_router(sending_endpoints.router)
    app.include_router(replay_endpoints.router)
    app.include_router(notification_statistics.router)
    # The last of them: every other word of theirs would be the id of a delivery.
    app.include_router(history_endpoints.router)
    app.include_router(proxies.router)
    app.include_router(fleet.router)
    app.include_router(system.router)
    app.include_router(monitoring.router)
    app.include_router(health.router)
    page.install(app)
    docs.install(app)
    problems.install(app)
    openapi.install(app)
    return app


def _version() -> str:
    try:
        return version("btc-watcher")
    except PackageNotFoundError:
        return "0"
