"""Puts the forwarder to work; imported only where a Strategy names Proxies, for the memory of all the others."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from btcwatcher_bot.proxies.forwarder import Forwarder
from btcwatcher_bot.proxies.settings import proxied
from btcwatcher_bot.proxies.upstream import read


def listening(names: Iterable[str], folder: Path) -> tuple[dict[str, object], Forwarder]:
    """Start the forwarder over the Proxies of those names; the config fragment that leads to it, and itself.

    Raises OSError or TimeoutError.
    """
    forwarder = Forwarder(partial(read, folder, tuple(names)))
    return proxied(forwarder.start()), forwarder
