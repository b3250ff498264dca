"""The Exchanges that the operator knows of, as its watch and its own writes showed them."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError

from btcwatcher_crds.exchange import Exchange
from btcwatcher_operator.children.market import Market
from btcwatcher_operator.ownership import trim
from btcwatcher_operator.resources import Object
from btcwatcher_operator.versions import Versions


class _Entry(NamedTuple):
    exchange: Exchange
    market: Market | None


class ExchangeBook:
    """Exchanges by name. An older version never replaces a newer one."""

    def __init__(self, market_url: str = "") -> None:
        """`market_url`: where bots reach the cache; empty where the platform has none, and then nobody uses it."""
        self.market_url = market_url
        self._entries: Versions[str, _Entry] = Versions(_name)

    def market(self, name: str) -> Market | None:
        """How bots of the exchange come to the cache; None where they do not."""
        entry = self._entries.get(name)
        return entry.market if entry else None

    def cached(self) -> Iterator[Exchange]:
        """Those whose market data comes by the cache."""
        return (entry.exchange for entry in self._entries.values() if entry.market is not None)

    def __iter__(self) -> Iterator[Exchange]:
        return iter([entry.exchange for entry in self._entries.values()])

    def put(self, obj: Object) -> bool:
        """Takes an object in. True when it changes what bots do."""
        if not self._entries.is_news(obj):
            return False
        trim(obj)
        try:
            exchange = Exchange.model_validate(obj)
        except ValidationError:
            # The API server took it by a schema that is not ours: as good as not there.
            return self._entries.drop(_name(obj)) is not None
        before, market = self.market(_name(obj)), self._market(exchange)
        self._entries.put(obj, _Entry(exchange, market))
        return before != market

    def remove(self, obj: Object) -> bool:
        """Drops one that was deleted; one made again under its name stays. True when bots used it."""
        entry = self._entries.remove(obj)
        return entry is not None and entry.market is not None

    def replace(self, items: list[Object], version: str) -> set[str]:
        """Makes the book agree with a full LIST at `version`; the names of those that changed what bots do."""
        changed = {_name(item) for item in items if self.put(item)}
        return changed | self._entries.drop_unlisted(items, version)

    def _market(self, exchange: Exchange) -> Market | None:
        upstreams = exchange.upstreams
        if not self.market_url or not upstreams or exchange.metadata.deletion_timestamp:
            return None
        return Market(self.market_url, exchange.metadata.name, upstreams, exchange.spec.when_away)


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
