"""A keyed work queue as controllers have it: no key waits twice or is worked on twice at a time; failures back off."""

import asyncio
import heapq
import random
import time
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)

BASE_DELAY_SECONDS = 0.2
MAX_DELAY_SECONDS = 60.0


class Observer(Protocol):
    """Is told what becomes of the keys; durations in seconds."""

    def added(self) -> None: ...

    def retried(self) -> None: ...

    def started(self, waited: float) -> None: ...

    def finished(self, worked: float) -> None: ...


class Nobody:
    """Observes nothing."""

    def added(self) -> None:
        return None

    def retried(self) -> None:
        return None

    def started(self, waited: float) -> None:
        return None

    def finished(self, worked: float) -> None:
        return None


class WorkQueue(Generic[Key]):
    """Keys to reconcile. After `get` must come `done`; a key added in between comes up again then."""

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer = observer or Nobody()
        # Ordered, without duplicates; each with the time since when it waits or is worked on.
        self._ready: dict[Key, float] = {}
        self._working: dict[Key, float] = {}
        self._again: dict[Key, float] = {}
        self._delayed: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        # Until when a key may not come up, whatever is added: the server said so (Retry-After).
        self._held: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._sequence = 0
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many keys wait, delayed ones not counted."""
        return len(self._ready) + len(self._again)

    def add(self, key: Key) -> None:
        """Adds the key now; one that is held comes up when the hold is over."""
        if key in self._held:
            return
        queue = self._again if key in self._working else self._ready
        if key in queue:
            return
        queue[key] = time.monotonic()
        self._observer.added()
        if queue is self._ready:
            self._idle.clear()
            self._changed.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Adds the key later; of two dates the earlier one counts."""
        due = max(asyncio.get_running_loop().time() + seconds, self._held.get(key, 0.0))
        if self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        self._sequence += 1
        heapq.heappush(self._delayed, (due, self._sequence, key))
        self._changed.set()

    def retry(self, key: Key, at_least: float = 0.0) -> float:
        """Adds the key after a delay that doubles with each failure in a row, with jitter; returns it, in seconds.

        `at_least` is what the server asked for: until then nothing else brings the key up either, such as an event of a
        child that the same pass has written.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._observer.retried()
        delay: float = min(BASE_DELAY_SECONDS * 2.0 ** min(failures, 16), MAX_DELAY_SECONDS)
        delay = max(delay * random.uniform(0.8, 1.2), at_least)  # noqa: S311 - jitter, not a secret
        if at_least > 0:
            self._held[key] = asyncio.get_running_loop().time() + at_least
            self._due.pop(key, None)  # an earlier date would come up too soon
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """The key was reconciled: its failures in a row are over."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        loop = asyncio.get_running_loop()
        while True:
            self._release_due(loop.time())
            if self._ready:
                key = next(iter(self._ready))
                now = time.monotonic()
                self._observer.started(now - self._ready.pop(key))
                self._working[key] = now
                return key
            self._changed.clear()
            timeout = self._delayed[0][0] - loop.time() if self._delayed else None
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: Key) -> None:
        if (begun := self._working.pop(key, None)) is not None:
            self._observer.finished(time.monotonic() - begun)
        if (since := self._again.pop(key, None)) is not None and key not in self._held:
            self._ready[key] = since
            self._changed.set()
        if not self._ready and not self._working:
            self._idle.set()

    async def idle(self) -> None:
        """Waits until no key waits or is worked on; delayed ones do not count."""
        await self._idle.wait()

    def _release_due(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self._held.pop(key, None)
                self.add(key)
