"""Puts the forwarder to work; imported only where there is work for it, for the memory of all the other bots."""

from functools import partial
from pathlib import Path

from btcwatcher_bot.places import Settings
from btcwatcher_bot.proxies.forwarder import Forwarder
from btcwatcher_bot.proxies.market import MarketCache
from btcwatcher_bot.proxies.settings import proxied
from btcwatcher_bot.proxies.upstream import read


def listening(settings: Settings, folder: Path) -> tuple[dict[str, object], Forwarder]:
    """Start the forwarder over the Strategy's Proxies; the config fragment that leads to it, and itself.

    Raises OSError or TimeoutError.
    """
    proxies = partial(read, folder, settings.proxies) if settings.proxies else None
    market = MarketCache(settings.market, settings.market_direct) if settings.market else None
    forwarder = Forwarder(proxies, market)
    return proxied(forwarder.start()), forwarder
