"""Which exchanges are served and how: kept by the watch of `Exchange` objects, read for every request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from btcwatcher_api import logs
from btcwatcher_crds.exchange import Exchange as Declared

_log = logs.get("btcwatcher_api.market")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One Exchange. `name` is freqtrade's `exchange.name`; `upstreams` are base URLs by ccxt's key of `urls.api`."""

    name: str
    upstreams: Mapping[str, str]
    weight_per_minute: int
    """What one outgoing address may ask of each of its hosts: weight where the exchange counts so, calls elsewhere."""
    max_concurrent: int = 8
    """Calls that are under way at the same time, of each host."""
    proxy_url_file: Path | None = None
    """File with the URL of the proxy, http:// or socks5://, that calls go through."""
    passes_signed: bool = False
    """Whether signed requests are passed on; else they are refused, for private endpoints have an address of their
    own and bots are told that one."""


class ExchangeRegistry:
    """All Exchanges, by name. Empty and not synced until the first complete list.

    `proxies` is the folder where Secrets with URLs of proxies are mounted, each in a folder of its name.
    """

    def __init__(self, proxies: Path, exchanges: Iterable[Exchange] | None = None) -> None:
        self._proxies = proxies
        self._known = {exchange.name: exchange for exchange in exchanges or ()}
        self._synced = exchanges is not None

    @property
    def synced(self) -> bool:
        """Whether every Exchange is known, so that an unknown one does not exist."""
        return self._synced

    def __len__(self) -> int:
        return len(self._known)

    def get(self, name: str) -> Exchange | None:
        return self._known.get(name)

    def exchanges(self) -> list[Exchange]:
        return list(self._known.values())

    def replace(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list: what is not in it is gone, also what was deleted while nobody watched."""
        known = [self._known_from(item) for item in objects]
        self._known = {exchange.name: exchange for exchange in known if exchange is not None}
        self._synced = True

    def put(self, item: Mapping[str, Any]) -> None:
        exchange = self._known_from(item)
        if exchange is not None:
            self._known[exchange.name] = exchange

    def remove(self, item: Mapping[str, Any]) -> None:
        self._known.pop((item.get("metadata") or {}).get("name", ""), None)

    def _known_from(self, item: Mapping[str, Any]) -> Exchange | None:
        """None: it cannot be read. A change that cannot be read leaves what held before."""
        name = str((item.get("metadata") or {}).get("name", ""))
        try:
            declared = Declared.model_validate({"metadata": {"name": name}, "spec": item.get("spec") or {}})
        except ValidationError as error:
            _log.warning("the Exchange cannot be read", exchange=name, errors=error.error_count())
            return self._known.get(name)
        reference = declared.spec.proxy_secret_ref
        return Exchange(
            name=name,
            upstreams=declared.upstreams,
            weight_per_minute=declared.weight_per_minute,
            max_concurrent=declared.spec.limits.max_concurrent,
            proxy_url_file=None if reference is None else self._proxies / reference.name / reference.key,
            passes_signed=declared.passes_signed,
        )
