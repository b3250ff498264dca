"""The Proxies that the operator knows of, as its watch and its own writes showed them."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from btcwatcher_crds.proxy import Proxy
from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.ownership import trim
from btcwatcher_operator.resources import Object
from btcwatcher_operator.store import Key
from btcwatcher_operator.versions import Versions


class ProxyBook:
    """Proxies by namespace and name. An older version never replaces a newer one."""

    def __init__(self) -> None:
        self._proxies: Versions[Key, Proxy] = Versions(_key)

    def get(self, key: Key) -> Proxy | None:
        return self._proxies.get(key)

    def __iter__(self) -> Iterator[tuple[Key, Proxy]]:
        return self._proxies.items()

    def put(self, obj: Object) -> bool:
        """Takes an object in. True when it changes what a bot's pod is made of."""
        if not self._proxies.is_news(obj):
            return False
        trim(obj)
        try:
            proxy = Proxy.model_validate(obj)
        except ValidationError:
            # The API server took it by a schema that is not ours: as good as not there.
            return self._proxies.drop(_key(obj)) is not None
        before = self._proxies.get(_key(obj))
        self._proxies.put(obj, proxy)
        return before is None or before.spec.url_secret_ref != proxy.spec.url_secret_ref

    def remove(self, obj: Object) -> bool:
        """Drops one that was deleted; one made again under its name stays. True when it was there."""
        return self._proxies.remove(obj) is not None

    def replace(self, items: list[Object], version: str, namespace: str | None) -> set[Key]:
        """Makes the book agree with a full LIST at `version`, of one namespace or of all; those that changed."""
        changed = {_key(item) for item in items if self.put(item)}
        return changed | self._proxies.drop_unlisted(
            items, version, lambda key: namespace is None or key.namespace == namespace
        )

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
