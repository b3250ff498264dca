"""Reads nodes and pods, at most once in ten seconds however many ask: with 999 bots a list of pods is megabytes."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from btcwatcher_api.cluster import reading
from btcwatcher_api.cluster.capacity import Picture
from btcwatcher_api.cluster.client import Cluster

_KEPT_SECONDS: Final = 10.0


class Machines:
    """The picture that /system and /monitoring show."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._kept: Picture | None = None
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def picture(self) -> Picture:
        """Not older than ten seconds. Raises Problem."""
        async with self._reading:
            if self._kept is None or self._clock() >= self._until:
                self._kept = await self._cluster.call(reading.machines)
                self._until = self._clock() + _KEPT_SECONDS
            return self._kept
