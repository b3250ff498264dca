"""Keeps a copy of all custom resources of one kind like the cluster: a paged LIST, then a WATCH from there, for ever.

A connection that died without a word is noticed within a minute, because every watch is asked to end by then; a watch
that is too old (410) begins with a new LIST. While Kubernetes is away, what was known before keeps serving.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from prometheus_client import CollectorRegistry, Counter, Gauge

from btcwatcher_api import logs
from btcwatcher_api.cluster.connection import custom_objects
from btcwatcher_crds.names import (
    CLUSTER_FLEET_SWITCH_KIND,
    CLUSTER_FLEET_SWITCH_PLURAL,
    EXCHANGE_KIND,
    EXCHANGE_PLURAL,
    FLEET_SWITCH_KIND,
    FLEET_SWITCH_PLURAL,
    GROUP,
    NOTIFICATION_CHANNEL_KIND,
    NOTIFICATION_CHANNEL_PLURAL,
    STRATEGY_KIND,
    STRATEGY_PLURAL,
    VERSION,
)

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
_ABSENT_SECONDS: Final = 30.0
"""A kind that the cluster does not know is looked for this often."""
_CERTAIN: Final = 3
"""So many answers of 404 in a row: an API server that is starting gives one or two for kinds that it has."""
_GONE: Final = 410
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that can be watched."""

    name: str
    """Of one, as the metrics' label has it."""
    plural: str
    """As in Kubernetes' paths."""
    words: str
    """Of many, for people."""
    optional: bool = False
    """Whether a cluster may lack it: then there are none."""


STRATEGIES: Final = Kind(STRATEGY_KIND, STRATEGY_PLURAL, "Strategies")
EXCHANGES: Final = Kind(EXCHANGE_KIND, EXCHANGE_PLURAL, "Exchanges", optional=True)
CHANNELS: Final = Kind(NOTIFICATION_CHANNEL_KIND, NOTIFICATION_CHANNEL_PLURAL, "NotificationChannels", optional=True)

FLEET_SWITCHES: Final = Kind(FLEET_SWITCH_KIND, FLEET_SWITCH_PLURAL, "FleetSwitches", optional=True)
CLUSTER_FLEET_SWITCHES: Final = Kind(
    CLUSTER_FLEET_SWITCH_KIND, CLUSTER_FLEET_SWITCH_PLURAL, "ClusterFleetSwitches", optional=True
)


class Copy(Protocol):
    """What a watch keeps: synced, and complete, once `replace` was called."""

    @property
    def synced(self) -> bool: ...

    def __len__(self) -> int: ...

    def replace(self, objects: Iterable[Mapping[str, Any]]) -> None: ...

    def put(self, item: Mapping[str, Any]) -> None: ...

    def remove(self, item: Mapping[str, Any]) -> None: ...


class WatchMetrics:
    """What the watches of a process count, by kind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.objects = Gauge(
            "btcwatcher_api_watch_objects", "Custom resources known from the watch.", ("kind",), registry=registry
        )
        self.synced = Gauge(
            "btcwatcher_api_watch_synced", "Whether all of the kind are known.", ("kind",), registry=registry
        )
        self.errors = Counter(
            "btcwatcher_api_watch_errors_total",
            "Failed attempts to list or watch the kind.",
            ("kind",),
            registry=registry,
        )


class _ExpiredError(Exception):
    """The resource version is too old: list again."""


class Watch:
    """Runs until cancelled. With `namespaces` it asks for what is in these, each by itself: it may see no others."""

    def __init__(self, kind: Kind, copy: Copy, metrics: WatchMetrics, namespaces: frozenset[str] = frozenset()) -> None:
        self._kind = kind
        self._copy = copy
        self._scopes: tuple[str | None, ...] = tuple(sorted(namespaces)) or (None,)
        self._backoff = _FIRST_BACKOFF
        self._error: str | None = "not connected yet"
        self._not_found = 0
        self._errors = metrics.errors.labels(kind.name)
        metrics.objects.labels(kind.name).set_function(lambda: len(copy))
        metrics.synced.labels(kind.name).set_function(lambda: float(copy.synced))

    @property
    def error(self) -> str | None:
        """Why Kubernetes cannot be watched right now; None while it is."""
        return self._error

    async def run(self) -> None:
        while True:
            try:
                async with custom_objects() as api:
                    while True:
                        versions = await self._list(api)
                        relist = time.monotonic() + _RELIST_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
                        await self._follow(api, versions, relist)
            except _ExpiredError:
                await asyncio.sleep(_FIRST_BACKOFF)
            except Exception as error:
                # What comes back may not be what went away (a restored etcd, a fresh cluster): its versions would
                # mean something else, so every failure is followed by a list.
                if self._is_absent(error):
                    await asyncio.sleep(_ABSENT_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                    continue
                self._errors.inc()
                self._unhealthy(error)
                await asyncio.sleep(self._backoff * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                self._backoff = min(self._backoff * 2, _LAST_BACKOFF)

    async def _list(self, api: client.CustomObjectsApi) -> dict[str | None, str]:
        """The version to go on from, by namespace."""
        objects: list[dict[str, Any]] = []
        versions = {}
        for scope in self._scopes:
            found, versions[scope] = await self._list_one(api, scope)
            objects += found
        self._not_found = 0
        self._copy.replace(objects)
        _log.info(f"{self._kind.words} listed", count=len(self._copy))
        return versions

    async def _list_one(self, api: client.CustomObjectsApi, scope: str | None) -> tuple[list[dict[str, Any]], str]:
        objects: list[dict[str, Any]] = []
        ask = self._asking(scope, api.list_cluster_custom_object, api.list_namespaced_custom_object)
        token: str | None = None
        while True:
            more = {"_continue": token} if token else {}
            page = await ask(limit=_PAGE, _request_timeout=30.0, **more)
            objects += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return objects, str(page["metadata"]["resourceVersion"])

    def _asking(self, scope: str | None, of_all: Callable[..., Any], of_one: Callable[..., Any]) -> Callable[..., Any]:
        """A method of the client that is told which objects."""
        if scope is None:
            return partial(of_all, GROUP, VERSION, self._kind.plural)
        return partial(of_one, GROUP, VERSION, scope, self._kind.plural)

    async def _follow(self, api: client.CustomObjectsApi, versions: Mapping[str | None, str], until: float) -> None:
        """Watch everywhere until `until`; what one watch fails of ends them all."""
        try:
            async with asyncio.TaskGroup() as group:
                for scope, version in versions.items():
                    group.create_task(self._follow_one(api, scope, version, until))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _follow_one(self, api: client.CustomObjectsApi, scope: str | None, version: str, until: float) -> None:
        while time.monotonic() < until:
            version = await self._watch(api, scope, version)
            self._backoff = _FIRST_BACKOFF

    async def _watch(self, api: client.CustomObjectsApi, scope: str | None, version: str) -> str:
        """Follow changes until the server ends the watch; returns the version to go on from."""
        ask = self._asking(
            scope,
            api.list_cluster_custom_object_without_preload_content,
            api.list_namespaced_custom_object_without_preload_content,
        )
        response = await ask(
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
            self._copy.put(item)
        elif kind == "DELETED":
            self._copy.remove(item)
        version = (item.get("metadata") or {}).get("resourceVersion")
        return str(version) if version else None

    def _is_absent(self, error: Exception) -> bool:
        """Whether the cluster has no such kind, and need not have it: then there are none of it."""
        if not self._kind.optional or not isinstance(error, ApiException) or error.status != _NOT_FOUND:
            self._not_found = 0
            return False
        self._not_found += 1
        if self._not_found < _CERTAIN:
            return False
        if self._not_found == _CERTAIN:
            _log.warning(
                f"the cluster does not know the kind {self._kind.name}: there are none until its CRD is installed"
            )
        self._copy.replace(())
        self._error = None
        return True

    def _healthy(self) -> None:
        if self._error is not None:
            _log.info(f"{self._kind.words} are watched")
        self._error = None

    def _unhealthy(self, error: Exception) -> None:
        status = getattr(error, "status", None)
        reason = f"HTTP {status}" if status else type(error).__name__
        if reason != self._error:
            _log.warning(f"{self._kind.words} cannot be watched", reason=reason)
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
