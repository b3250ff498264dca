"""A cache of one kind, kept true by LIST and WATCH, that tells its listeners what changed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

import aiohttp
import structlog

from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.http import METADATA, METADATA_LIST
from btcwatcher_local.client.resources import Key, Obj, Resource, key, meta, uid
from btcwatcher_local.client.resources import version as object_version

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from btcwatcher_local.client.http import Client

    Listener = Callable[[Obj | None, Obj | None], None]

log = structlog.get_logger(__name__)

_MAX_BACKOFF = 30.0


class Index:
    """Objects of an informer by keys computed from each; made by `Informer.index`."""

    def __init__(self, keys: Callable[[Obj], Iterable[Hashable]]) -> None:
        self._keys = keys
        self._held: dict[Hashable, dict[Key, Obj]] = {}

    def get(self, index_key: Hashable) -> list[Obj]:
        """Cached objects under a key; treat them as read-only."""
        return list(self._held.get(index_key, {}).values())

    def change(self, old: Obj | None, new: Obj | None) -> None:
        """Keep up with a change of the cache; a listener."""
        if old is not None:
            for index_key in self._keys(old):
                if (bucket := self._held.get(index_key)) is not None:
                    bucket.pop(key(old), None)
                    if not bucket:
                        del self._held[index_key]
        if new is not None:
            for index_key in self._keys(new):
                self._held.setdefault(index_key, {})[key(new)] = new


class Informer:
    """LIST, then WATCH from there; after 410 LIST again and tell the differences, deletions included.

    A listener is called as `listener(old, new)`: (None, new) added, (old, new) changed, (old, None) deleted.
    An object that was deleted and made again under its name is told as a deletion and an addition.
    Listeners are plain functions and must only put keys into queues.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> None:
        self.resource = resource
        self._client = client
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._metadata_only = metadata_only
        self._store: dict[Key, Obj] = {}
        self._listeners: list[Listener] = []
        self._indexes: list[Index] = []
        self._synced = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def listen(self, listener: Listener) -> None:
        """Register before `start`, else the first objects are missed."""
        self._listeners.append(listener)

    def index(self, keys: Callable[[Obj], Iterable[Hashable]]) -> Index:
        """An index kept with the cache; ask for it before `start`."""
        made = Index(keys)
        self._indexes.append(made)
        return made

    def get(self, namespace: str, name: str) -> Obj | None:
        return self._store.get((namespace, name))

    def items(self, namespace: str | None = None) -> Iterator[Obj]:
        """Cached objects; treat them as read-only."""
        for (where, _), obj in list(self._store.items()):
            if namespace is None or where == namespace:
                yield obj

    def __len__(self) -> int:
        return len(self._store)

    @property
    def synced(self) -> bool:
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"informer {self.resource.plural}")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def note(self, obj: Obj) -> None:
        """Take over an object that this process has just written, unless the cache is already further."""
        held = self._store.get(key(obj))
        if held is not None and uid(held) == uid(obj) and object_version(held) < object_version(obj):
            self._put(obj)

    async def _run(self) -> None:
        backoff = 0.1
        version = ""
        while True:
            try:
                if not version:
                    version = await self._relist()
                    backoff = 0.1
                async for kind, obj in self._client.watch(
                    self.resource,
                    self._namespace,
                    resource_version=version,
                    label_selector=self._label_selector,
                    field_selector=self._field_selector,
                    accept=METADATA if self._metadata_only else None,
                ):
                    version = str(meta(obj).get("resourceVersion") or version)
                    backoff = 0.1
                    if kind == "DELETED":
                        self._remove(key(obj), obj)
                    elif kind != "BOOKMARK":
                        self._put(obj)
            except ApiError as error:
                # Whatever the server says about our version, a fresh list is the way to a true cache.
                version = ""
                if not error.gone:
                    log.warning("watch failed", kind=self.resource.plural, error=str(error))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if backoff > 2:
                    log.warning("api server unreachable", kind=self.resource.plural, error=str(error))
            await asyncio.sleep(backoff * (0.5 + random.random() / 2))  # noqa: S311 - jitter, no secret
            backoff = min(backoff * 2, _MAX_BACKOFF)

    async def _relist(self) -> str:
        items, version = await self._client.list(
            self.resource,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            accept=METADATA_LIST if self._metadata_only else None,
        )
        seen = {key(item) for item in items}
        for gone in [held for held in self._store if held not in seen]:
            self._remove(gone, None)
        for item in items:
            self._put(item)
        self._synced.set()
        return version

    def _put(self, obj: Obj) -> None:
        old = self._store.get(key(obj))
        if old is not None and uid(old) != uid(obj):
            self._remove(key(obj), None)
            old = None
        if old is not None and meta(old).get("resourceVersion") == meta(obj).get("resourceVersion"):
            return
        self._store[key(obj)] = obj
        for index in self._indexes:
            index.change(old, obj)
        self._tell(old, obj)

    def _remove(self, gone: Key, last: Obj | None) -> None:
        old = self._store.get(gone)
        if old is None or (last is not None and uid(old) != uid(last)):
            return
        del self._store[gone]
        for index in self._indexes:
            index.change(old, None)
        self._tell(last or old, None)

    def _tell(self, old: Obj | None, new: Obj | None) -> None:
        for listener in self._listeners:
            try:
                listener(old, new)
            except Exception:
                log.exception("listener failed", kind=self.resource.plural)
