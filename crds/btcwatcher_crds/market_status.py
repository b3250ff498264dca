"""What the market-data cache says of itself at names.MARKET_STATUS_PATH, and the operator writes into Exchanges.

The cache writes nothing into the cluster: it needs no right for that.
"""

from typing import Annotated

from pydantic import Field

from btcwatcher_crds.conditions import ExchangeReason
from btcwatcher_crds.strategy import Contract


class ExchangeState(Contract):
    """One Exchange, as the cache sees it."""

    reason: ExchangeReason
    """Serving and NotAsked are well; all others are not."""
    message: Annotated[str, Field(max_length=1024)] = ""
    """A sentence for a person, without secrets. It changes no faster than the reason does: it becomes a status."""


class MarketStatus(Contract):
    exchanges: dict[str, ExchangeState] = Field(default_factory=dict)
    """By the Exchange's name."""
