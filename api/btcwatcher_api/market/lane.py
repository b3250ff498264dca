"""The one way to a host: calls wait here for budget and a free connection, each asker in its turn."""

import asyncio
import contextlib
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from btcwatcher_api.market.budget import Budget

_FAILS: Final = 3
"""So many calls in a row without a good answer: the host fails."""
_NOTICED_SECONDS: Final = 1.0
"""A wait for budget that is longer slows bots down."""
_SLOWED_SECONDS: Final = 60.0


class Crowded(Exception):  # noqa: N818 - it is a state, not a mistake
    """More waits than can be asked in time. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("too much waits for this exchange")
        self.retry_after = retry_after


class Banned(Exception):  # noqa: N818
    """The exchange wants to be left alone until `until`, seconds since the epoch."""

    def __init__(self, until: float, status: int) -> None:
        super().__init__(f"left alone after status {status}")
        self.until = until
        self.status = status


@dataclass(slots=True)
class _Waiting:
    weight: int
    turn: asyncio.Future[None]


class Lane:
    """Of one upstream host. Who asks much does not keep others from asking: askers take turns."""

    def __init__(
        self,
        per_minute: int,
        max_concurrent: int,
        *,
        most_waiting: int,
        patience: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.budget = Budget(per_minute, clock())
        self._concurrent = max_concurrent
        self._most = most_waiting
        self._patience = patience
        self._clock = clock
        self._queues: OrderedDict[str, deque[_Waiting]] = OrderedDict()
        self._waiting = 0
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ban: Banned | None = None
        self._fails: tuple[int, str] = (0, "")
        self._waited = -math.inf

    def adjust(self, per_minute: int, max_concurrent: int) -> None:
        """The Exchange has changed. A ban stays."""
        if per_minute != self.budget.limit:
            self.budget = Budget(per_minute, self._clock())
        if max_concurrent != self._concurrent:
            self._concurrent = max_concurrent
            self._next()

    @property
    def waiting(self) -> int:
        return self._waiting

    @property
    def banned_until(self) -> float:
        """Seconds since the epoch; 0 without a ban."""
        return self._ban.until if self._ban is not None and self._ban.until > self._clock() else 0.0

    @property
    def failing(self) -> str:
        """Why the last calls came to nothing, a sentence; empty while the host answers."""
        fails, reason = self._fails
        return reason if fails >= _FAILS else ""

    @property
    def slowed(self) -> bool:
        """Whether questions waited for budget a moment ago."""
        return self._clock() - self._waited < _SLOWED_SECONDS

    def failed(self, reason: str) -> None:
        self._fails = self._fails[0] + 1, reason

    def answered(self) -> None:
        self._fails = (0, "")

    @contextlib.asynccontextmanager
    async def turn(self, asker: str, weight: int) -> AsyncIterator[None]:
        """Hold the way for one call. Raises Crowded, Banned."""
        await self._wait(asker, weight)
        try:
            yield
        finally:
            self._under_way -= 1
            self._next()

    def count(self, weight: int) -> None:
        """A call that did not wait."""
        self.budget.spend(weight, self._clock())

    def told(self, used: int) -> None:
        self.budget.told(used, self._clock())

    def ban(self, seconds: float, status: int) -> bool:
        """Leave the host alone for so long; all that waits is told. Whether that is news."""
        until = self._clock() + seconds
        if self._ban is not None and until <= self._ban.until:
            return False
        news = self.banned_until == 0
        self._ban = Banned(until, status)
        self._next()
        return news

    def check(self) -> None:
        """Raises Banned."""
        if self._ban is not None and self._ban.until > self._clock():
            raise Banned(self._ban.until, self._ban.status)

    async def _wait(self, asker: str, weight: int) -> None:
        self.check()
        if self._waiting >= self._most:
            raise Crowded(self._retry_after(weight))
        mine = _Waiting(weight, asyncio.get_running_loop().create_future())
        self._queues.setdefault(asker, deque()).append(mine)
        self._waiting += 1
        self._next()
        try:
            async with asyncio.timeout(self._patience):
                await mine.turn
        except BaseException as error:
            if mine.turn.done() and not mine.turn.cancelled() and mine.turn.exception() is None:
                # The turn came in the same moment as the end of the wait.
                self._under_way -= 1
            elif not mine.turn.done() or mine.turn.cancelled():
                self._forget(asker, mine)
            self._next()
            if isinstance(error, TimeoutError):
                raise Crowded(self._retry_after(weight)) from None
            raise

    def _retry_after(self, weight: int) -> float:
        return max(1.0, self.budget.wait(weight, self._clock()))

    def _forget(self, asker: str, mine: _Waiting) -> None:
        queue = self._queues.get(asker)
        if queue is not None and mine in queue:
            queue.remove(mine)
            self._waiting -= 1
            if not queue:
                del self._queues[asker]

    def _next(self) -> None:
        """Let in whose turn it is, as far as budget and connections go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ban is not None and self._ban.until > self._clock():
            self._turn_away(self._ban)
            return
        while self._queues and self._under_way < self._concurrent:
            asker, queue = next(iter(self._queues.items()))
            now = self._clock()
            wait = self.budget.wait(queue[0].weight, now)
            if wait > 0:
                if wait > _NOTICED_SECONDS:
                    self._waited = now
                # A timer that fires a moment early would only wait again.
                self._timer = asyncio.get_running_loop().call_later(math.ceil(wait * 1000 + 1) / 1000, self._next)
                return
            first = queue.popleft()
            self._waiting -= 1
            if queue:
                self._queues.move_to_end(asker)
            else:
                del self._queues[asker]
            if first.turn.done():
                continue
            self.budget.spend(first.weight, now)
            self._under_way += 1
            first.turn.set_result(None)

    def _turn_away(self, ban: Banned) -> None:
        for queue in self._queues.values():
            for one in queue:
                if not one.turn.done():
                    one.turn.set_exception(Banned(ban.until, ban.status))
        self._queues.clear()
        self._waiting = 0
