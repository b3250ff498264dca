"""Objects of a kind as a watch and lists showed them, read once: an older version never replaces a newer one."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from btcwatcher_operator.resources import Object
from btcwatcher_operator.store import version_of

K = TypeVar("K")
V = TypeVar("V")


class _Entry(NamedTuple, Generic[V]):
    version: int
    uid: str
    value: V


class Versions(Generic[K, V]):
    """What was read of each object, by a key of it."""

    def __init__(self, key_of: Callable[[Object], K]) -> None:
        self._key_of = key_of
        self._entries: dict[K, _Entry[V]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        return entry.value if entry else None

    def items(self) -> Iterator[tuple[K, V]]:
        """As they are now, whatever changes meanwhile."""
        return iter([(key, entry.value) for key, entry in self._entries.items()])

    def values(self) -> Iterator[V]:
        """As they are now, whatever changes meanwhile."""
        return iter([entry.value for entry in self._entries.values()])

    def is_news(self, obj: Object) -> bool:
        """Whether no version as new is known."""
        before = self._entries.get(self._key_of(obj))
        return before is None or before.version < version_of(obj)

    def put(self, obj: Object, value: V) -> None:
        self._entries[self._key_of(obj)] = _Entry(version_of(obj), obj["metadata"]["uid"], value)

    def drop(self, key: K) -> V | None:
        """What was known of it."""
        entry = self._entries.pop(key, None)
        return entry.value if entry else None

    def remove(self, obj: Object) -> V | None:
        """Drops an object that was deleted, and gives what was known of it; one made again under its name stays."""
        key = self._key_of(obj)
        entry = self._entries.get(key)
        return self.drop(key) if entry is not None and entry.uid == obj["metadata"]["uid"] else None

    def drop_unlisted(
        self, items: Iterable[Object], version: str, of_the_list: Callable[[K], bool] = lambda _: True
    ) -> set[K]:
        """Drops what a full LIST at `version` would hold and does not; the keys of that."""
        listed = {self._key_of(item) for item in items}
        gone = {
            key
            for key, entry in self._entries.items()
            if of_the_list(key) and key not in listed and entry.version <= int(version)
        }
        for key in gone:
            del self._entries[key]
        return gone
