"""State in memory: every object once, as a dict that nobody changes and as the bytes that go out.

One counter gives resource versions to all collections, as etcd's revision does. Each collection remembers its last
changes for watches; a watch that asks for what is forgotten gets 410.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from . import objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .objects import JsonObject

Key = tuple[str, str]  # (namespace, name); the namespace is "" for cluster-wide objects

HISTORY = 20_000


class Stored:
    """One version of one object. `obj` must not be changed: it is shared by everybody who reads."""

    __slots__ = ("obj", "raw", "rv")

    def __init__(self, obj: JsonObject, rv: int) -> None:
        objects.metadata(obj)["resourceVersion"] = str(rv)
        self.obj = obj
        self.rv = rv
        self.raw = objects.encode(obj)

    def fresh(self) -> JsonObject:
        """A copy that may be changed."""
        copied: JsonObject = objects.decode(self.raw)
        return copied


class Change(NamedTuple):
    """One step in a collection's history; for DELETED `new` is the last state under the deletion's version."""

    rv: int
    kind: str
    key: Key
    new: Stored
    old: Stored | None


class Collection:
    """All objects of one stored kind, with their recent history."""

    def __init__(self, store: Store, group: str, plural: str) -> None:
        self._store = store
        self.group = group
        self.plural = plural
        self.items: dict[Key, Stored] = {}
        self._sorted: list[Key] | None = []
        self.history: list[Change] = []
        self.first = 0  # sequence number of history[0]
        self.floor = store.rv  # changes up to here are forgotten (or never were)
        self.closed = False
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def changes(self) -> int:
        """How many changes there have been: who has the same number has seen them all."""
        return self.first + len(self.history)

    def get(self, namespace: str, name: str) -> Stored | None:
        return self.items.get((namespace, name))

    def keys(self) -> list[Key]:
        if self._sorted is None:
            self._sorted = sorted(self.items)
        return self._sorted

    def select(self, namespace: str | None) -> Iterator[Stored]:
        """Objects in order of namespace and name; of one namespace when it is given."""
        keys = self.keys()
        if namespace is None:
            for key in keys:
                yield self.items[key]
            return
        for index in range(bisect_left(keys, (namespace, "")), len(keys)):
            key = keys[index]
            if key[0] != namespace:
                return
            yield self.items[key]

    def put(self, key: Key, obj: JsonObject) -> Stored:
        """Creates or replaces; the new state is visible and watched at once."""
        old = self.items.get(key)
        stored = Stored(obj, self._store.next_rv())
        self.items[key] = stored
        if old is None:
            self._sorted = None
        self._record(Change(stored.rv, "MODIFIED" if old else "ADDED", key, stored, old))
        return stored

    def remove(self, key: Key, last: JsonObject | None = None) -> Stored | None:
        """Deletes; `last` is what the object looked like at its end, when that differs from what is stored."""
        old = self.items.pop(key, None)
        if old is None:
            return None
        self._sorted = None
        final = Stored(last if last is not None else old.fresh(), self._store.next_rv())
        self._record(Change(final.rv, "DELETED", key, final, old))
        return final

    def _record(self, change: Change) -> None:
        self.history.append(change)
        limit = self._store.history
        if len(self.history) > 2 * limit:
            dropped = len(self.history) - limit
            self.floor = self.history[dropped - 1].rv
            self.first += dropped
            del self.history[:dropped]
        self._wake()

    def close(self) -> None:
        """Ends all watches of a resource that is no longer served."""
        self.closed = True
        self._wake()

    def forget(self) -> None:
        """Drops the history: every older resourceVersion is answered with 410. For tests of that."""
        self.first += len(self.history)
        self.history.clear()
        self.floor = self._store.rv
        self._wake()

    def position(self, rv: int) -> int | None:
        """Sequence number of the first change after a resource version; None when that is forgotten."""
        if rv < self.floor:
            return None
        low, high = 0, len(self.history)
        while low < high:
            middle = (low + high) // 2
            if self.history[middle].rv <= rv:
                low = middle + 1
            else:
                high = middle
        return self.first + low

    def since(self, sequence: int) -> tuple[list[Change], int] | None:
        """Changes from a sequence number on and the next number; None when some of them are forgotten."""
        if sequence < self.first:
            return None
        return self.history[sequence - self.first :], self.first + len(self.history)

    async def wait(self, timeout: float) -> bool:
        """Until something changes; False after `timeout` seconds."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
        return True

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()


class Store:
    """The collections and the one counter of resource versions."""

    def __init__(self, history: int = HISTORY) -> None:
        self.history = history
        self.rv = 1
        self._collections: dict[tuple[str, str], Collection] = {}

    def next_rv(self) -> int:
        self.rv += 1
        return self.rv

    def collection(self, group: str, plural: str) -> Collection:
        found = self._collections.get((group, plural))
        if found is None:
            found = Collection(self, group, plural)
            self._collections[group, plural] = found
        return found

    def drop(self, group: str, plural: str) -> None:
        """Forgets a collection and ends its watches."""
        found = self._collections.pop((group, plural), None)
        if found is not None:
            found.close()

    def all(self) -> list[Collection]:
        return list(self._collections.values())
