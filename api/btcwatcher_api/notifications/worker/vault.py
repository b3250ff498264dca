"""What channels name and workers read from Kubernetes at sending time: Secrets with credentials, ConfigMaps with
templates. Kept for seconds, so that a burst of messages is not a burst of requests; while Kubernetes is away, what was
read last goes on serving.
"""

import asyncio
import base64
import binascii
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.problems import Problem

_FRESH_SECONDS: Final = 5.0
_STALE_SECONDS: Final = 600.0
_RETRY_SECONDS: Final = 2.0
_MOST: Final = 2000

_SECRETS: Final = "secrets"
_KINDS: Final = {_SECRETS: "Secret", "configmaps": "ConfigMap"}
"""What is read, by the word in the API's paths."""
NO_VERSION: Final = "-"
"""Of what is missing."""

Data = Mapping[str, str]
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What was read, and its resource version."""

    data: Data
    version: str


class Missing(Exception):  # noqa: N818
    """It is not there, or may not be read; the message says which."""


class VaultAway(Exception):  # noqa: N818
    """Kubernetes does not answer, and it was not read before."""


class Shelf(Protocol):
    """Who reads what channels name; see Vault."""

    async def version(self, namespace: str, name: str) -> str | None: ...
    async def secret(self, namespace: str, name: str, *, anew: bool = False) -> Found: ...
    async def config_map(self, namespace: str, name: str) -> Found: ...


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    found: Found | None = None
    missing: str | None = None
    read_at: float = float("-inf")
    asked_at: float = float("-inf")


class Vault:
    """Secrets and ConfigMaps by namespace and name."""

    def __init__(self, cluster: Cluster, *, fresh: float = _FRESH_SECONDS) -> None:
        self._cluster = cluster
        self._fresh = fresh
        self._entries: dict[Key, _Entry] = {}

    async def secret(self, namespace: str, name: str, *, anew: bool = False) -> Found:
        """What the Secret holds, as text. Raises Missing and VaultAway; `anew`: it is read now, if that can be done."""
        return await self._read(_secret(namespace, name), anew=anew)

    async def version(self, namespace: str, name: str) -> str | None:
        """Of the Secret as it is now, NO_VERSION if there is none; None: it cannot be told at the moment."""
        begun = time.monotonic()
        with contextlib.suppress(Missing, VaultAway):
            await self.secret(namespace, name, anew=True)
        entry = self._entries.get(_secret(namespace, name))
        if entry is None or entry.read_at < begun:
            return None
        return entry.found.version if entry.found is not None else NO_VERSION

    async def config_map(self, namespace: str, name: str) -> Found:
        """What the ConfigMap holds. Raises Missing and VaultAway."""
        return await self._read(("configmaps", namespace, name))

    async def _read(self, key: Key, *, anew: bool = False) -> Found:
        if len(self._entries) > _MOST:
            self._entries.clear()
        entry = self._entries.setdefault(key, _Entry())
        async with entry.lock:
            now = time.monotonic()
            fresh = 0.0 if anew else self._fresh
            if now - entry.read_at >= fresh and now - entry.asked_at >= min(fresh, _RETRY_SECONDS):
                entry.asked_at = now
                await self._refresh(key, entry)
            return _answer(key, entry)

    async def _refresh(self, key: Key, entry: _Entry) -> None:
        plural, namespace, name = key
        kind, where = _KINDS[plural], core.path("namespaces", namespace, plural, name)
        try:
            item = await self._cluster.call(lambda connected: core.request(connected, "GET", where))
            entry.found = _found(plural, item)
            entry.missing = None
        except Problem as problem:
            if problem.status == 404:
                entry.missing = f"there is no {kind} {name} in namespace {namespace}"
            elif problem.status == 403:
                entry.missing = f"the worker may not read {kind} {name} in namespace {namespace}"
            else:
                return
            entry.found = None
        entry.read_at = time.monotonic()


def _answer(key: Key, entry: _Entry) -> Found:
    if time.monotonic() - entry.read_at > _STALE_SECONDS:
        raise VaultAway(f"Kubernetes does not answer: {_KINDS[key[0]]} {key[2]} of namespace {key[1]} cannot be read")
    if entry.missing is not None:
        raise Missing(entry.missing)
    assert entry.found is not None  # noqa: S101 - read, and not missing
    return entry.found


def _found(plural: str, item: core.Object) -> Found:
    data = item.get("data") or {}
    if plural == _SECRETS:
        data = {key: _text(value) for key, value in data.items()}
    return Found(data, item["metadata"].get("resourceVersion") or "")


def _secret(namespace: str, name: str) -> Key:
    return _SECRETS, namespace, name


def _text(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
