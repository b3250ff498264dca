"""What freqtrade is told, so that ccxt sends everything through the forwarder; and what of a config forbids that."""

from collections.abc import Mapping

_SECTIONS = ("ccxt_config", "ccxt_sync_config", "ccxt_async_config")
PROXY_SETTINGS = frozenset(
    "".join(setting.lower().split("_"))
    for setting in (
        "proxy",
        "proxyUrl",
        "proxyUrlCallback",
        "httpProxy",
        "httpProxyCallback",
        "httpsProxy",
        "httpsProxyCallback",
        "socksProxy",
        "socksProxyCallback",
        "wsProxy",
        "wssProxy",
        "wsSocksProxy",
        "aiohttp_proxy",
        "proxies",
        "session",
        "trust_env",
        "aiohttp_trust_env",
        "requests_trust_env",
    )
)
"""ccxt's settings that lead around the forwarder or that ccxt refuses beside it, in either spelling."""


def proxied(address: str) -> dict[str, object]:
    """The config fragment for a forwarder at a URL. Nothing in it is secret: freqtrade logs it."""
    return {
        "exchange": {
            # ccxt wants just one of its settings for HTTP, and its httpsProxy leaves out http:// in the synchronous
            # client alone: each client has its own that covers both.
            "ccxt_sync_config": {"proxies": {"http": address, "https": address}},
            "ccxt_async_config": {"aiohttp_proxy": address, "wsProxy": address},
            # Binance's archive of old candles is fetched without ccxt, and so without its proxy.
            "only_from_ccxt": True,
        }
    }


def conflict(exchange: Mapping[str, object]) -> str | None:
    """Why freqtrade's settings of the exchange cannot go together with proxyRefs, or None."""
    for section in _SECTIONS:
        settings = exchange.get(section)
        for name in settings if isinstance(settings, Mapping) else ():
            if "".join(str(name).lower().split("_")) in PROXY_SETTINGS:
                return (
                    f"exchange.{section}.{name} and spec.exchange.proxyRefs both say how to reach the exchange: "
                    "take one of them out"
                )
    return None
