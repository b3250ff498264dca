"""Keeps the Registry like the cluster: a paged LIST, then a WATCH from there, again and again.

A connection that died without a word is noticed within a minute, because every watch is asked to end by then; a watch
that is too old (410) begins with a new LIST. While Kubernetes is away, what was known before keeps serving.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from prometheus_client import Counter, Gauge

from btcwatcher_api import logs
from btcwatcher_api.cluster.connection import custom_objects
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.names import GROUP, STRATEGY_PLURAL, VERSION

_log = logs.get("btcwatcher_api.watch")

_PAGE: Final = 500
_WATCH_SECONDS: Final = 45
"""The server is asked to end a watch after this."""
_GRACE_SECONDS: Final = 15.0
"""And we end it this much later ourselves, for the server may be gone without a word."""
_RELIST_SECONDS: Final = 600.0
"""A list this often repairs whatever a watch may have missed."""
_FIRST_BACKOFF: Final = 0.2
_LAST_BACKOFF: Final = 10.0
_GONE: Final = 410


class _ExpiredError(Exception):
    """The resource version is too old: list again."""


class WatchMetrics(Protocol):
    """What the watch counts, in whichever process it runs."""

    strategies: Gauge
    watch_synced: Gauge
    watch_errors: Counter


class StrategyWatch:
    """Runs until cancelled. `healthy` is False while Kubernetes does not answer."""

    def __init__(self, registry: Registry, metrics: WatchMetrics) -> None:
        self._registry = registry
        self._metrics = metrics
        self._error: str | None = "not connected yet"
        metrics.strategies.set_function(lambda: len(registry))
        metrics.watch_synced.set_function(lambda: float(registry.synced))

    @property
    def error(self) -> str | None:
        """Why Kubernetes cannot be watched right now; None while it is."""
        return self._error

    async def run(self) -> None:
        backoff = _FIRST_BACKOFF
        while True:
            try:
                async with custom_objects() as api:
                    while True:
                        version = await self._list(api)
                        relist = time.monotonic() + _RELIST_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
                        while time.monotonic() < relist:
                            version = await self._watch(api, version)
                            backoff = _FIRST_BACKOFF
            except _ExpiredError:
                await asyncio.sleep(_FIRST_BACKOFF)
            except Exception as error:
                # What comes back may not be what went away (a restored etcd, a fresh cluster): its versions would
                # mean something else, so every failure is followed by a list.
                self._metrics.watch_errors.inc()
                self._unhealthy(error)
                await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                backoff = min(backoff * 2, _LAST_BACKOFF)

    async def _list(self, api: client.CustomObjectsApi) -> str:
        objects: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            more = {"_continue": token} if token else {}
            page = await api.list_cluster_custom_object(
                GROUP, VERSION, STRATEGY_PLURAL, limit=_PAGE, _request_timeout=30.0, **more
            )
            objects += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                break
        self._registry.replace(objects)
        _log.info("Strategies listed", count=len(self._registry))
        return str(page["metadata"]["resourceVersion"])

    async def _watch(self, api: client.CustomObjectsApi, version: str) -> str:
        """Follow changes until the server ends the watch; returns the version to go on from."""
        response = await api.list_cluster_custom_object_without_preload_content(
            GROUP,
            VERSION,
            STRATEGY_PLURAL,
            watch=True,
            allow_watch_bookmarks=True,
            resource_version=version,
            timeout_seconds=_WATCH_SECONDS,
            _request_timeout=_WATCH_SECONDS + _GRACE_SECONDS,
        )
        try:
            if response.status == _GONE:
                raise _ExpiredError
            if response.status >= 400:
                raise ApiException(status=response.status, reason=response.reason)
            self._healthy()
            async for line in _lines(response.content):
                version = self._apply(json.loads(line)) or version
        finally:
            response.close()
        return version

    def _apply(self, event: dict[str, Any]) -> str | None:
        kind, item = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            if item.get("code") == _GONE:
                raise _ExpiredError
            raise ApiException(status=item.get("code"), reason=item.get("message"))
        if kind in ("ADDED", "MODIFIED"):
            self._registry.put(item)
        elif kind == "DELETED":
            self._registry.remove(item)
        version = (item.get("metadata") or {}).get("resourceVersion")
        return str(version) if version else None

    def _healthy(self) -> None:
        if self._error is not None:
            _log.info("Strategies are watched")
        self._error = None

    def _unhealthy(self, error: Exception) -> None:
        status = getattr(error, "status", None)
        reason = f"HTTP {status}" if status else type(error).__name__
        if reason != self._error:
            _log.warning("Strategies cannot be watched", reason=reason)
        self._error = reason


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length: StreamReader.readline gives up on one that is longer than its buffer, as a Strategy with
    its source inline is."""
    rest = bytearray()
    async for chunk in stream.iter_any():
        rest += chunk
        while (end := rest.find(b"\n")) >= 0:
            line = bytes(rest[:end])
            del rest[: end + 1]
            if line.strip():
                yield line
