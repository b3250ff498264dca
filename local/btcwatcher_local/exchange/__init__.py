"""The paper exchange: Binance's public spot REST surface over a made-up, deterministic market.

It is for trying out and for tests: a dry run trades against it without the internet. It has no accounts and
takes no orders; a bot in Live mode is refused by it.
"""

from btcwatcher_local.exchange.app import create_app
from btcwatcher_local.exchange.defaults import exchange_defaults

__all__ = ["create_app", "exchange_defaults"]
