"""Who is visited when: each bot once a cycle, spread over it; one that does not answer less and less often."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from btcwatcher_api import logs
from btcwatcher_api.bots import address_of
from btcwatcher_api.collector.bot_api import BotApi, BotError
from btcwatcher_api.collector.figures import CollectorMetrics, Figures
from btcwatcher_api.collector.ledger import FillsRefused, Ledger, LedgerAway, LedgerBusy
from btcwatcher_api.collector.memory import Memory
from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.collector.visit import Bot, Rules, visit
from btcwatcher_api.strategies.registry import KnownStrategy, Registry
from btcwatcher_crds.derive import bot_api_credentials

_log = logs.get("btcwatcher_api.collector")

_TICK_SECONDS: Final = 0.25
_CHECK_SECONDS: Final = 5.0
"""How often the active collector makes sure that it still is."""
_FORGET_SECONDS: Final = 3600.0
_CLOSED_CYCLES: Final = 5
"""So often closed trades are read though no open one has gone: one may have opened and closed between two visits."""
_NEWS: Final = 3
"""Failures in a row after which the log tells of them."""
_SPREAD_SECONDS: Final = 0.03
"""First visits begin so far apart, up to a whole cycle."""
_KEEP_ALIVE_SECONDS: Final = 4.0
"""freqtrade's server closes what was idle for five seconds."""

Key = tuple[str, str]


@dataclass(slots=True)
class _Place:
    """A bot in the round."""

    address: str
    api: BotApi
    bot: Bot
    due: float
    failures: int = 0
    task: asyncio.Task[None] | None = None


class Rounds:
    """Visits all bots while `run` runs. `figures`, by namespace and name, holds those of the bots there are now."""

    def __init__(self, registry: Registry, ledger: Ledger, settings: CollectorSettings, key: bytes) -> None:
        self._registry = registry
        self._ledger = ledger
        self._settings = settings
        self._key = key
        self._rules = Rules(
            settings.lookback,
            recover_after=settings.recover_after_seconds,
            closed_every=settings.collect_cycle_seconds * _CLOSED_CYCLES,
            balance_every=settings.collect_balance_seconds,
        )
        self._slots = asyncio.Semaphore(settings.collect_concurrency)
        self._places: dict[Key, _Place] = {}
        self._quiet = logs.Throttle(seconds=300.0)
        self._lost: LedgerAway | None = None
        self.figures: dict[Key, Figures] = {}
        self.metrics = CollectorMetrics(self.figures)

    def unvisited(self) -> int:
        """How many bots there are of which not even a first visit has ended."""
        return sum(key not in self.figures for key in self._places)

    async def run(self) -> None:
        """Raises LedgerAway once this is no longer the active collector. What was known of the bots is forgotten then:
        whoever takes over exports it, and what waits is found again."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        checks = asyncio.create_task(self._check())
        self._lost = None
        try:
            async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
                try:
                    while self._lost is None and not checks.done():
                        self._meet(session)
                        self._send_out()
                        await asyncio.sleep(_TICK_SECONDS)
                    if self._lost is not None:
                        raise self._lost
                    await checks
                finally:
                    await self._stop()
        finally:
            checks.cancel()
            await asyncio.gather(checks, return_exceptions=True)

    def _meet(self, session: aiohttp.ClientSession) -> None:
        """Take in new bots and forget those that are gone or have no pod, with their figures."""
        template = self._settings.bot_address
        wanted = {
            (one.namespace, one.name): (one, address)
            for one in self._registry.strategies()
            if (address := address_of(template, one)) is not None
        }
        for key in self._places.keys() - wanted.keys():
            del self._places[key]
            self.figures.pop(key, None)
        now = time.monotonic()
        spread = min(self._settings.collect_cycle_seconds, _SPREAD_SECONDS * len(wanted))
        for key, (strategy, address) in wanted.items():
            place = self._places.get(key)
            if place is None or place.address != address:
                api = BotApi(
                    session,
                    address,
                    bot_api_credentials(self._key, strategy.namespace, strategy.name),
                    timeout=self._settings.collect_timeout_seconds,
                )
                memory = Memory(since=datetime.now(UTC) - self._rules.lookback)
                self._places[key] = _Place(address, api, Bot(memory), now + _jitter(0, spread))

    def _send_out(self) -> None:
        now = time.monotonic()
        for key, place in self._places.items():
            if place.task is None and place.due <= now:
                place.task = asyncio.create_task(self._visit(key, place))

    async def _visit(self, key: Key, place: _Place) -> None:
        try:
            async with self._slots:
                strategy = self._registry.find(*key)
                if strategy is not None:
                    await self._visit_now(strategy, place)
            # One that was forgotten or replaced meanwhile leaves nothing behind.
            if self._places.get(key) is place:
                self.figures[key] = place.bot.figures
        finally:
            place.task = None

    async def _visit_now(self, strategy: KnownStrategy, place: _Place) -> None:
        begin = time.monotonic()
        cycle = self._settings.collect_cycle_seconds
        result = "ok"
        try:
            written = await visit(strategy, place.api, place.bot, self._ledger, self._rules, begin)
        except BotError as error:
            result = error.result
            place.bot.away()
            place.failures += 1
            # One that is just starting, or restarting, is no news.
            if place.failures >= _NEWS:
                self._tell(_log.warning, strategy, "the bot cannot be read", error)
        except LedgerAway as error:
            self._lost = error
        except (LedgerBusy, FillsRefused) as error:
            self._tell(_log.warning, strategy, "signals cannot be filled in", error)
        except Exception as error:
            # One bot's oddity must not end the visits to all others.
            result = "unreadable"
            place.failures += 1
            _log.error("the visit failed", strategy=strategy.id, exc_info=error)
        else:
            for fill in written:
                self.metrics.recovered.labels(fill.type).inc()
            if written:
                _log.warning("signals had not arrived and were filled in", strategy=strategy.id, count=len(written))
        if result == "ok":
            if place.failures >= _NEWS:
                _log.info("the bot can be read again", strategy=strategy.id)
            place.failures = 0
            place.due = max(place.due + cycle, begin + cycle / 2)
        else:
            pause = min(cycle * 2 ** min(place.failures - 1, 16), max(cycle, self._settings.collect_backoff_seconds))
            place.due = begin + pause * _jitter(0.7, 1.0)
        self.metrics.visits.labels(result).inc()
        self.metrics.visit_seconds.observe(time.monotonic() - begin)

    def _tell(self, log: Callable[..., Any], strategy: KnownStrategy, sentence: str, error: Exception) -> None:
        quiet = self._quiet.allows((strategy.id, sentence))
        if quiet is not None:
            log(sentence, strategy=strategy.id, reason=str(error), more_since_last=quiet)

    async def _check(self) -> None:
        """Raises LedgerAway when the connection that makes us the active one is lost."""
        forget = 0.0
        while True:
            await self._ledger.still_leads()
            if time.monotonic() >= forget:
                await self._ledger.forget_old()
                forget = time.monotonic() + _FORGET_SECONDS
            await asyncio.sleep(_CHECK_SECONDS)

    async def _stop(self) -> None:
        tasks = [place.task for place in self._places.values() if place.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._places.clear()
        self.figures.clear()


def _jitter(low: float, high: float) -> float:
    return random.uniform(low, high)  # noqa: S311 - no secret
