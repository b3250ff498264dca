"""The Proxies that the operator knows of, as its watch and its own writes showed them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from btcwatcher_crds.proxy import Proxy
from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.ownership import trim
from btcwatcher_operator.resources import Object
from btcwatcher_operator.store import Key, version_of


class _Entry(NamedTuple):
    version: int
    uid: str
    proxy: Proxy


class ProxyBook:
    """Proxies by namespace and name. An older version never replaces a newer one."""

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}

    def get(self, key: Key) -> Proxy | None:
        entry = self._entries.get(key)
        return entry.proxy if entry else None

    def __iter__(self) -> Iterator[tuple[Key, Proxy]]:
        return iter([(key, entry.proxy) for key, entry in self._entries.items()])

    def put(self, obj: Object) -> bool:
        """Takes an object in. True when it changes what a bot's pod is made of."""
        key = _key(obj)
        before = self._entries.get(key)
        if before is not None and before.version >= version_of(obj):
            return False
        trim(obj)
        try:
            proxy = Proxy.model_validate(obj)
        except ValidationError:
            # The API server took it by a schema that is not ours: as good as not there.
            return self._entries.pop(key, None) is not None
        self._entries[key] = _Entry(version_of(obj), proxy.metadata.uid, proxy)
        return before is None or before.proxy.spec.url_secret_ref != proxy.spec.url_secret_ref

    def remove(self, obj: Object) -> bool:
        """Drops one that was deleted; one made again under its name stays. True when it was there."""
        entry = self._entries.get(_key(obj))
        if entry is None or entry.uid != obj["metadata"]["uid"]:
            return False
        del self._entries[_key(obj)]
        return True

    def replace(self, items: list[Object], version: str, namespace: str | None) -> set[Key]:
        """Makes the book agree with a full LIST at `version`, of one namespace or of all; those that changed."""
        changed = {_key(item) for item in items if self.put(item)}
        listed = {_key(item) for item in items}
        for key, entry in list(self._entries.items()):
            of_the_list = namespace is None or key.namespace == namespace
            if of_the_list and key not in listed and entry.version <= int(version):
                del self._entries[key]
                changed.add(key)
        return changed

    def sources(self, namespace: str, wanted: Sequence[str]) -> tuple[list[ProxySource], list[str]]:
        """Where the URLs of the wanted Proxies lie, in the same order, and the names of those that are not there."""
        found, missing = [], []
        for name in wanted:
            proxy = self.get(Key(namespace, name))
            if proxy is None:
                missing.append(name)
            else:
                reference = proxy.spec.url_secret_ref
                found.append(ProxySource(name, reference.name, reference.key))
        return found, missing


def _key(obj: Object) -> Key:
    return Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
