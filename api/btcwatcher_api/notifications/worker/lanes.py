"""One lane for each priority: what is urgent has its own connection, its own slots and waits for nothing else.

In a lane each channel has a line. A line may use only a few of the lane's slots: a slow channel holds up itself.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from btcwatcher_api import logs
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.worker.claims import Channel, Claim
from btcwatcher_api.notifications.worker.connection import Away, RowsRefused
from btcwatcher_api.notifications.worker.outbox import Decide, Outbox, Taken
from btcwatcher_api.notifications.worker.settling import Judge, Result, Settler
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason

_log = logs.get("btcwatcher_api.worker")

_LOOK_SECONDS: Final = 1.0
"""How often a lane looks without being told: notifications can be lost, and times come by themselves."""
_HOLD_SECONDS: Final = 1.0
"""A channel that may not send now is looked at this often: a person may have changed it."""
_REFUSED_SECONDS: Final = 30.0
_BATCH_SECONDS: Final = 0.5
"""A line claims as many messages as it can send in this time."""
_BATCH_MOST: Final = 64
_AWAY: Final = "the database does not answer"
_SMOOTHING: Final = 0.3
_FIRST_BACKOFF: Final = 0.1
_LAST_BACKOFF: Final = 5.0


class NotNow(Exception):  # noqa: N818
    """Nothing was sent, and it is nobody's fault but ours: try again in a moment, without counting an attempt."""


class Desk(Protocol):
    """Who knows the channels: what may be sent, how, and what an outcome means."""

    @property
    def ready(self) -> bool:
        """Whether all channels are known, so that an unknown one does not exist."""
        ...

    def decide(self, channel: Channel, priority: Priority, messages: int) -> Decide: ...
    async def send(self, claim: Claim) -> Outcome:
        """Raises NotNow."""
        ...

    def judge(self, claim: Claim, outcome: Outcome) -> Judge: ...


@dataclass(slots=True)
class _Line:
    """One channel's messages that are claimed and wait for a slot."""

    waiting: deque[Claim] = field(default_factory=deque)
    active: int = 0
    held_until: float = 0.0
    seconds: float = 0.05
    """How long a message took of late."""
    more: bool = False


class Lane:
    """Runs until `end`; `stop` then gives back what it claimed and did not send.

    `slots` messages are on their way at most, `per_channel` of them to one channel. A message is not begun less than
    `timeout` before its lease ends.
    """

    def __init__(
        self,
        priority: Priority,
        outbox: Outbox,
        settler: Settler,
        desk: Desk,
        *,
        slots: int,
        per_channel: int,
        timeout: timedelta,
        looked: Callable[[Taken, Priority, Channel], None] = lambda *_: None,
    ) -> None:
        self.priority: Final = priority
        self._outbox = outbox
        self._settler = settler
        self._desk = desk
        self._free = slots
        self._per_channel = per_channel
        self._timeout = timeout.total_seconds()
        self._looked = looked
        self._lines: dict[Channel, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self.problem: str | None = "not connected to the database yet"
        """Why nothing can be claimed; None while it can."""

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    def reconsider(self) -> None:
        """The channels may have changed: who was held may go on."""
        for line in self._lines.values():
            line.held_until = 0.0
        self.wake()

    async def run(self) -> None:
        backoff = _FIRST_BACKOFF
        while not self._stopping:
            self._wake.clear()
            try:
                wait = await self._look() if self._desk.ready else _LOOK_SECONDS
            except (Away, RowsRefused) as error:
                if self.problem != _AWAY:
                    _log.warning("deliveries cannot be claimed", priority=self.priority.name, reason=str(error))
                self.problem = _AWAY
                await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                backoff = min(backoff * 2, _LAST_BACKOFF)
                continue
            except Exception as error:
                # A lane that ends is a priority that nobody is told of any more.
                _log.error("a lane failed", priority=self.priority.name, exc_info=error)
                self.problem = "an unexpected error"
                await asyncio.sleep(_LAST_BACKOFF)
                continue
            if self.problem is not None and self._desk.ready:
                _log.info("deliveries are claimed", priority=self.priority.name)
                self.problem = None
            backoff = _FIRST_BACKOFF
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    def end(self) -> None:
        """Begin nothing more; `run` ends as soon as it may."""
        self._stopping = True
        self.wake()

    async def stop(self, seconds: float) -> None:
        """Give back what was not begun, and let end what was, within this time. `run` must have ended."""
        unsent = [claim for line in self._lines.values() for claim in line.waiting]
        self._lines.clear()
        with contextlib.suppress(Away, RowsRefused):
            await self._outbox.release(unsent)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            # Whether the message arrived is unknown then: the next claim notes it as such.
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        await self._outbox.close()

    async def _look(self) -> float:
        """Claim what may go out; returns after how long to look again if nothing wakes us."""
        due = await self._outbox.due(self.priority)
        self._forget({one.channel for one in due})
        wait = _LOOK_SECONDS
        for channel, seconds in due:
            if self._stopping:
                break
            if seconds > 0:
                wait = min(wait, seconds)
                continue
            line = self._lines.setdefault(channel, _Line())
            line.more = True
            held = line.held_until - time.monotonic()
            if held > 0:
                wait = min(wait, held)
            elif len(line.waiting) < self._per_channel:
                try:
                    await self._take(channel, line)
                except RowsRefused as error:
                    # A row that cannot be read holds up its own channel, not the others'.
                    _log.error("a channel's deliveries cannot be claimed", channel=str(channel), reason=str(error))
                    line.held_until = time.monotonic() + _REFUSED_SECONDS
                    continue
                self._begin()
                if line.more and len(line.waiting) < self._per_channel and line.held_until <= time.monotonic():
                    wait = 0.0
        return wait

    async def _take(self, channel: Channel, line: _Line) -> None:
        room = round(self._per_channel * _BATCH_SECONDS / max(line.seconds, 0.001))
        most = max(self._per_channel, min(room, _BATCH_MOST))
        taken = await self._outbox.take(channel, self.priority, self._desk.decide(channel, self.priority, most))
        line.waiting.extend(taken.claims)
        line.more = taken.more
        if taken.hold is not None:
            line.held_until = time.monotonic() + min(taken.hold.total_seconds(), _HOLD_SECONDS)
        self._looked(taken, self.priority, channel)

    def _forget(self, due: set[Channel]) -> None:
        for channel in [one for one, line in self._lines.items() if not line.waiting and not line.active]:
            if channel not in due:
                del self._lines[channel]

    def _begin(self) -> None:
        """Give free slots to the lines, in turn."""
        if self._stopping:
            return
        progress = True
        while self._free and progress:
            progress = False
            for line in self._lines.values():
                if self._free and line.waiting and line.active < self._per_channel:
                    self._start(self._work(line, line.waiting.popleft()))
                    line.active += 1
                    self._free -= 1
                    progress = True

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, line: _Line, claim: Claim) -> None:
        try:
            await self._settler.room()
            if time.monotonic() + self._timeout > claim.lease_ends:
                await self._give_back(claim)
                return
            begun = time.monotonic()
            try:
                outcome = await self._sent(claim)
            except NotNow as error:
                _log.warning("nothing can be sent yet", channel=str(claim.channel), reason=str(error))
                line.held_until = time.monotonic() + _LOOK_SECONDS
                await self._give_back(claim)
                return
            took = time.monotonic() - begun
            line.seconds += _SMOOTHING * (took - line.seconds)
            self._settler.settle(Result(claim, outcome, timedelta(seconds=took), self._desk.judge(claim, outcome)))
        finally:
            line.active -= 1
            self._free += 1
            self._begin()
            if line.more and len(line.waiting) < self._per_channel:
                self.wake()

    async def _sent(self, claim: Claim) -> Outcome:
        try:
            return await self._desk.send(claim)
        except NotNow:
            raise
        except Exception as error:
            # A fault of ours counts as an attempt, or one message could be tried for ever.
            _log.error("sending failed", channel=str(claim.channel), error=type(error).__name__)
            return Outcome(ChannelReason.UNEXPECTED_ANSWER, f"{type(error).__name__} before it was sent")

    async def _give_back(self, claim: Claim) -> None:
        with contextlib.suppress(Away, RowsRefused):
            await self._outbox.release([claim])
