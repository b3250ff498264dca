"""Asks the market-data cache in turn how it fares, and writes that into the Exchanges' status."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import aiohttp
import structlog
from pydantic import ValidationError

from btcwatcher_crds import names
from btcwatcher_crds.exchange import Exchange
from btcwatcher_crds.market_status import MarketStatus
from btcwatcher_operator.cluster import PASSING, Cluster, ClusterError
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.exchanges.outcome import Outcome, outcome, status

log = structlog.get_logger()

_EVERY_SECONDS: Final = 5.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=3)
_AWAY_AFTER: Final = 3
"""So many questions without an answer, one after the other: a restart of the cache is no news."""
_GONE: Final = (404, 409)
"""The Exchange was deleted, or made again under its name."""


class ExchangeKeeper:
    """One of the active operator."""

    def __init__(self, cluster: Cluster, book: ExchangeBook) -> None:
        self._cluster = cluster
        self._book = book
        self._said: MarketStatus | None = None
        self._unanswered = 0

    async def run(self) -> None:
        """Works until cancelled."""
        # The environment may name a proxy for the way out of the cluster; this way does not lead there.
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
            while True:
                try:
                    await self._round(session)
                except Exception:
                    # What is said of exchanges must not end what keeps bots running.
                    log.exception("exchanges_not_looked_at")
                await asyncio.sleep(_EVERY_SECONDS)

    async def _round(self, session: aiohttp.ClientSession) -> None:
        if any(self._book.cached()):
            await self._ask(session)
        for exchange in self._book:
            # Not heard of since this process began, and not away for long enough to say so.
            unknown = self._said is None and 0 < self._unanswered < _AWAY_AFTER
            if unknown and self._book.market(exchange.metadata.name) is not None:
                continue
            await self._write(exchange, outcome(exchange, self._book.market_url, self._said))

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.get(f"{self._book.market_url}{names.MARKET_STATUS_PATH}") as answer:
                answer.raise_for_status()
                self._said = MarketStatus.model_validate_json(await answer.read())
            self._unanswered = 0
        except (*PASSING, ValidationError) as error:
            self._unanswered += 1
            if self._unanswered >= _AWAY_AFTER:
                self._said = None
            log.debug("market_gives_no_answer", cause=str(error) or type(error).__name__)

    async def _write(self, exchange: Exchange, found: Outcome) -> None:
        wanted = status(exchange, found, datetime.now(UTC))
        if wanted is None:
            return
        metadata = exchange.metadata
        named = {"name": metadata.name, "uid": metadata.uid}
        try:
            applied = await self._cluster.apply(
                {"apiVersion": exchange.api_version, "kind": exchange.kind, "metadata": named, "status": wanted},
                status=True,
            )
        except (ClusterError, *PASSING) as error:
            if not (isinstance(error, ClusterError) and error.status in _GONE):
                log.warning("exchange_status_not_written", exchange=metadata.name, cause=str(error))
            return
        self._book.put(applied)
        log.info("exchange", name=metadata.name, reason=found.reason.value, cause=found.message)
