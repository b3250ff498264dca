"""How a bot comes to the market-data cache: what its config says, and what its wrapper must know besides."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from btcwatcher_crds import names
from btcwatcher_crds.exchange import WhenAway
from btcwatcher_operator.children.metadata import Object

_SECTIONS = ("ccxt_config", "ccxt_sync_config", "ccxt_async_config")

PROXY_SETTINGS = frozenset(
    {
        "proxy", "proxyurl", "proxyurlcallback", "httpproxy", "httpproxycallback", "httpsproxy", "httpsproxycallback",
        "socksproxy", "socksproxycallback", "wsproxy", "wssproxy", "wssocksproxy", "aiohttpproxy", "proxies", "session",
        "trustenv", "aiohttptrustenv", "requeststrustenv",
    }
)  # fmt: skip
"""Settings by which ccxt goes through a proxy, which could not find the cache. The wrapper of bots knows the same."""


@dataclass(frozen=True, slots=True)
class Market:
    """The cache as the bots of one exchange use it. A change of it changes their revision."""

    url: str
    """Where bots reach the cache, without a trailing slash."""
    exchange: str
    upstreams: Mapping[str, str]
    """Key of ccxt's urls.api -> the exchange's own address."""
    when_away: WhenAway = WhenAway.WAIT

    @property
    def identity(self) -> list[object]:
        """All of it, to be told apart from others."""
        return [self.url, self.exchange, dict(self.upstreams), self.when_away.value]

    def address(self, key: str) -> str:
        return f"{self.url}/{self.exchange}/{key}"


def exchange_settings(market: Market) -> dict[str, Any]:
    """A fragment of freqtrade's config: these keys of ccxt's urls.api lead to the cache, all others stay."""
    api: dict[str, Any] = {}
    for key in market.upstreams:
        *groups, last = key.split(".")
        at = api
        for group in groups:
            at = at.setdefault(group, {})
        at[last] = market.address(key)
    # By websocket each bot would download the candles for itself.
    return {"exchange": {"enable_ws": False, "ccxt_config": {"urls": {"api": api}}}}


def goes_its_own_way(asked: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Whether a Strategy's own settings say where the exchange is, or these or the platform's have ccxt go through a
    proxy of its own."""
    own = _ccxt_settings(asked)
    return "urls" in own or not PROXY_SETTINGS.isdisjoint(own | _ccxt_settings(defaults))


def _ccxt_settings(config: Mapping[str, Any]) -> set[str]:
    """Names of ccxt's settings in all of its sections, in one spelling."""
    exchange = config.get("exchange")
    sections = [exchange.get(section) for section in _SECTIONS] if isinstance(exchange, Mapping) else []
    return {str(name).replace("_", "").lower() for one in sections if isinstance(one, Mapping) for name in one}


def environment(market: Market | None, *, proxied: bool) -> list[Object]:
    """For the forwarder in the bot's process, where there is work for it: around the Strategy's Proxies to the cache,
    and around the cache while that is away."""
    if market is None:
        return []
    direct = market.when_away is WhenAway.DIRECT
    if not direct and not proxied:
        return []
    ways = {market.address(key): upstream for key, upstream in market.upstreams.items()} if direct else {}
    return [
        {"name": names.ENV_MARKET, "value": market.url},
        {"name": names.ENV_MARKET_DIRECT, "value": json.dumps(ways, sort_keys=True)},
    ]
