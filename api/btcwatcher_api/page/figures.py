"""How each bot trades, for the page's table: what the collector last read from the bots, out of Prometheus."""

import asyncio
from typing import Final

from btcwatcher_api.monitoring import queries
from btcwatcher_api.monitoring.trading import TradingFigures, trading
from btcwatcher_api.prometheus import Prometheus, PrometheusError
from btcwatcher_crds.names import strategy_id

_PATIENCE_SECONDS: Final = 2.0
"""The page is there for Strategies and signals, and waits no longer for these."""


async def by_id(prometheus: Prometheus | None) -> dict[str, TradingFigures]:
    """By the Strategy's id; nothing where Prometheus is not configured or does not answer."""
    if prometheus is None:
        return {}
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            told = await queries.instant(prometheus, queries.TRADING_QUERIES)
    except (PrometheusError, TimeoutError):
        return {}
    return {strategy_id(*place): one for place, one in trading(told).items()}
