"""A deduplicating work queue with delays and per-key exponential back-off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

import aiohttp
import structlog

from btcwatcher_local.client.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

log = structlog.get_logger(__name__)

K = TypeVar("K", bound="Hashable")

_BASE = 0.05
_CAP = 30.0


class WorkQueue(Generic[K]):
    """Keys to be reconciled. A key is never worked on twice at once; one added meanwhile runs again after.

    `reconcile(key)` may return seconds after which it wants to be called again. An exception puts the key
    back with a delay of 50 ms, doubling to 30 s.
    """

    def __init__(self, name: str, reconcile: Callable[[K], Awaitable[float | None]], *, workers: int = 8) -> None:
        self.name = name
        self._reconcile = reconcile
        self._workers = workers
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._queued: set[K] = set()
        self._active: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}

    def add(self, item: K) -> None:
        if item in self._active:
            self._again.add(item)
        elif item not in self._queued:
            self._queued.add(item)
            self._ready.put_nowait(item)

    def add_after(self, item: K, seconds: float) -> None:
        """Add later; an earlier timer of the same key is kept."""
        loop = asyncio.get_running_loop()
        held = self._timers.get(item)
        if held is not None:
            if held.when() <= loop.time() + seconds:
                return
            held.cancel()
        self._timers[item] = loop.call_later(seconds, self._fire, item)

    def _fire(self, item: K) -> None:
        self._timers.pop(item, None)
        self.add(item)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"{self.name} worker {number}")
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _work(self) -> None:
        while True:
            item = await self._ready.get()
            self._queued.discard(item)
            self._active.add(item)
            try:
                delay = await self._reconcile(item)
            except Exception as error:
                self._retry(item, error)
            else:
                self._failures.pop(item, None)
                if delay is not None:
                    self.add_after(item, delay)
            finally:
                self._active.discard(item)
                if item in self._again:
                    self._again.discard(item)
                    self.add(item)

    def _retry(self, item: K, error: Exception) -> None:
        count = self._failures.get(item, 0)
        self._failures[item] = count + 1
        self.add_after(item, min(_BASE * 2**count, _CAP))
        if isinstance(error, ApiError) and error.conflict:
            return  # somebody else wrote first: reading again is all there is to do
        if isinstance(error, ApiError | aiohttp.ClientError | OSError):
            log.warning("reconcile failed", queue=self.name, key=item, error=str(error))
        else:
            log.error("reconcile failed", queue=self.name, key=item, exc_info=error)
