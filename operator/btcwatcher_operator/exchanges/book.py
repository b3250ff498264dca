"""The Exchanges that the operator knows of, as its watch and its own writes showed them."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError

from btcwatcher_crds.exchange import Exchange
from btcwatcher_operator.children.market import Market
from btcwatcher_operator.ownership import trim
from btcwatcher_operator.resources import Object
from btcwatcher_operator.store import version_of


class _Entry(NamedTuple):
    version: int
    uid: str
    exchange: Exchange
    market: Market | None


class ExchangeBook:
    """Exchanges by name. An older version never replaces a newer one."""

    def __init__(self, market_url: str = "") -> None:
        """`market_url`: where bots reach the cache; empty where the platform has none, and then nobody uses it."""
        self.market_url = market_url
        self._entries: dict[str, _Entry] = {}

    def market(self, name: str) -> Market | None:
        """How bots of the exchange come to the cache; None where they do not."""
        entry = self._entries.get(name)
        return entry.market if entry else None

    def cached(self) -> Iterator[Exchange]:
        """Those whose market data comes by the cache."""
        return (entry.exchange for entry in list(self._entries.values()) if entry.market is not None)

    def __iter__(self) -> Iterator[Exchange]:
        return iter([entry.exchange for entry in self._entries.values()])

    def put(self, obj: Object) -> bool:
        """Takes an object in. True when it changes what bots do."""
        name = obj["metadata"]["name"]
        before = self._entries.get(name)
        if before is not None and before.version >= version_of(obj):
            return False
        trim(obj)
        try:
            exchange = Exchange.model_validate(obj)
        except ValidationError:
            # The API server took it by a schema that is not ours: as good as not there.
            return self._entries.pop(name, None) is not None
        market = self._market(exchange)
        self._entries[name] = _Entry(version_of(obj), exchange.metadata.uid, exchange, market)
        return (before.market if before else None) != market

    def remove(self, obj: Object) -> bool:
        """Drops one that was deleted; one made again under its name stays. True when bots used it."""
        entry = self._entries.get(obj["metadata"]["name"])
        if entry is None or entry.uid != obj["metadata"]["uid"]:
            return False
        del self._entries[obj["metadata"]["name"]]
        return entry.market is not None

    def replace(self, items: list[Object], version: str) -> set[str]:
        """Makes the book agree with a full LIST at `version`; the names of those that changed what bots do."""
        changed = {str(item["metadata"]["name"]) for item in items if self.put(item)}
        listed = {item["metadata"]["name"] for item in items}
        for name, entry in list(self._entries.items()):
            if name not in listed and entry.version <= int(version):
                del self._entries[name]
                changed.add(name)
        return changed

    def _market(self, exchange: Exchange) -> Market | None:
        upstreams = exchange.upstreams
        if not self.market_url or not upstreams or exchange.metadata.deletion_timestamp:
            return None
        return Market(self.market_url, exchange.metadata.name, upstreams, exchange.spec.when_away)
