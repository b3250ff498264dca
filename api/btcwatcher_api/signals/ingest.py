"""Self-clocking group commit: what queued while one commit was under way is the next one.

Nothing waits to be collected, so a lone signal is committed at once, and under load the batches grow by themselves. The
queue is bounded in rows and bytes, and so is the wait: a webhook is answered before its sender gives up.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from btcwatcher_api import logs
from btcwatcher_api.metrics import Metrics
from btcwatcher_api.signals.writer import NewSignal, RowsRefused, Stored, Unavailable, WrongSchema

_log = logs.get("btcwatcher_api.ingest")

_BATCH_BYTES: Final = 8 * 1024 * 1024
_FIRST_BACKOFF: Final = 0.05
_LAST_BACKOFF: Final = 1.0
_SWEEP_SECONDS: Final = 0.05
_IDLE_CHECK_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 5.0
_AWAY: Final = "the database does not answer"


class Writer(Protocol):
    """Where batches go; see SignalWriter."""

    async def ping(self) -> None: ...
    async def write(self, signals: Sequence[NewSignal]) -> list[Stored]: ...
    async def close(self) -> None: ...


class NotTaken(Exception):  # noqa: N818
    """The signal cannot be committed in time: the queue is full, or Postgres is away. The sender should try again."""


Outcome = Stored | NotTaken | RowsRefused
"""What becomes of a signal: where it lies; not committed in time (it may still be stored, and a retry finds it); or
Postgres does not take this row."""


class _Waiting:
    """A signal and who waits for its commit: `settle` calls him, once."""

    __slots__ = ("_then", "deadline", "outcome", "signal")

    def __init__(self, signal: NewSignal, then: Callable[[Outcome], None], deadline: float) -> None:
        self.signal = signal
        self.deadline = deadline
        self.outcome: Outcome | None = None
        self._then = then

    def settle(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        try:
            self._then(outcome)
        except Exception as error:
            # One answer that fails must not cost the others theirs.
            _log.error("an answer failed", exc_info=error)


class GroupCommit:
    """The queue in front of one writer. `start` it in the running loop; `stop` commits what still waits."""

    def __init__(
        self,
        writer: Writer,
        metrics: Metrics,
        *,
        batch: int = 500,
        queue: int = 10_000,
        queue_bytes: int = 64 * 1024 * 1024,
        patience: float = 1.5,
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._batch = batch
        self._most = queue
        self._most_bytes = queue_bytes
        self._patience = patience
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._in_flight: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._down_since: float | None = None
        self._down_reason = ""
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        metrics.queue_depth.set_function(lambda: len(self._queue) + len(self._in_flight))

    @property
    def down(self) -> str | None:
        """Why signals cannot be written; None while they can."""
        return self._down_reason if self._down_since is not None else None

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._run(), name="ingest"),
            asyncio.create_task(self._sweep(), name="ingest-deadlines"),
        ]

    async def stop(self) -> None:
        """Commit what waits, within a few seconds, and close the writer."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_SECONDS):
                    await asyncio.shield(self._tasks[0])
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for waiting in (*self._in_flight, *self._queue):
            waiting.settle(NotTaken("the API is stopping"))
        await self._writer.close()

    async def commit(self, signal: NewSignal) -> Stored:
        """Where the signal lies, once it is on disk. Raises NotTaken and RowsRefused, see Outcome."""
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()

        def then(outcome: Outcome) -> None:
            if future.done():
                return
            if isinstance(outcome, Stored):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

        self.submit(signal, then)
        return await future

    def submit(self, signal: NewSignal, then: Callable[[Outcome], None]) -> None:
        """Queue a signal; `then` is called once with what became of it, never before this returns.

        Raises NotTaken when it is not even queued; then nobody is called.
        """
        now = asyncio.get_running_loop().time()
        if self._stopping:
            raise NotTaken("the API is stopping")
        if self._down_since is not None and now - self._down_since > self._patience:
            raise NotTaken(self._down_reason)
        if len(self._queue) >= self._most or self._bytes + len(signal.row) > self._most_bytes:
            raise NotTaken("too many signals are waiting")
        self._queue.append(_Waiting(signal, then, now + self._patience))
        self._bytes += len(signal.row)
        self._wake.set()

    async def _run(self) -> None:
        backoff = _FIRST_BACKOFF
        while True:
            try:
                if not await self._wait():
                    return
                self._take()
                await self._flush(self._in_flight) if self._in_flight else await self._writer.ping()
            except Unavailable as error:
                self._went_down(str(error), public=str(error) if isinstance(error, WrongSchema) else _AWAY)
                if self._stopping:
                    return
                await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                backoff = min(backoff * 2, _LAST_BACKOFF)
                continue
            except Exception as error:
                # The task must outlive its own mistakes: without it every signal is refused until a restart.
                _log.error("ingest failed", exc_info=error)
                self._went_down(type(error).__name__, public="an unexpected error")
                for waiting in self._in_flight:
                    waiting.settle(NotTaken("an unexpected error"))
                await asyncio.sleep(_LAST_BACKOFF)
            else:
                self._came_up()
                backoff = _FIRST_BACKOFF
            self._in_flight = []

    async def _wait(self) -> bool:
        """Until there is work, or it is time to look whether Postgres is there. False: stop."""
        if self._in_flight or self._down_since is not None:
            return True
        if not self._queue:
            if self._stopping:
                return False
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_CHECK_SECONDS):
                    await self._wake.wait()
            return bool(self._queue) or not self._stopping
        return True

    def _take(self) -> None:
        """Fill what is in flight; after a failure that is what could not be written, without those who gave up."""
        self._in_flight = [waiting for waiting in self._in_flight if waiting.outcome is None]
        size = sum(len(waiting.signal.row) for waiting in self._in_flight)
        while self._queue and len(self._in_flight) < self._batch and size < _BATCH_BYTES:
            waiting = self._queue.popleft()
            self._bytes -= len(waiting.signal.row)
            if waiting.outcome is None:
                size += len(waiting.signal.row)
                self._in_flight.append(waiting)

    async def _flush(self, batch: Sequence[_Waiting]) -> None:
        """Write; where a row is bad, halve until it stands alone, so that its neighbours are stored."""
        # Equal undated bodies of one batch are one event: the statement sees only what was there before it.
        firsts: dict[bytes, _Waiting] = {}
        followers: list[tuple[_Waiting, _Waiting]] = []
        for waiting in batch:
            if waiting.outcome is not None:
                continue
            first = firsts.setdefault(waiting.signal.key, waiting)
            if first is not waiting:
                followers.append((waiting, first))
        if not firsts:
            return
        leaders = list(firsts.values())
        try:
            written = await self._writer.write([waiting.signal for waiting in leaders])
        except RowsRefused as error:
            if len(leaders) > 1:
                middle = len(leaders) // 2
                await self._flush(leaders[:middle])
                await self._flush(leaders[middle:])
            else:
                leaders[0].settle(error)
        else:
            self._metrics.batch_rows.observe(len(leaders))
            for waiting, stored in zip(leaders, written, strict=True):
                waiting.settle(stored)
        for follower, first in followers:
            if isinstance(first.outcome, Stored):
                follower.settle(Stored(first.outcome.id, new=False))
            elif first.outcome is not None:
                follower.settle(first.outcome)

    async def _sweep(self) -> None:
        """Answer those whose time is up. One task for all: a timer for each would cost more than the rest of a wait."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = loop.time()
            for waiting in self._in_flight:
                if waiting.deadline <= now:
                    waiting.settle(NotTaken("the database does not answer in time"))
            # First in, first out, and all are equally patient.
            while self._queue and (self._queue[0].deadline <= now or self._queue[0].outcome is not None):
                waiting = self._queue.popleft()
                self._bytes -= len(waiting.signal.row)
                waiting.settle(NotTaken("the database does not answer in time"))

    def _went_down(self, reason: str, public: str) -> None:
        """`reason`, for the log, can name hosts and users; `public` is what anybody may read."""
        if self._down_since is None:
            self._down_since = asyncio.get_running_loop().time()
            _log.warning("signals cannot be written", reason=reason)
        self._down_reason = public
        self._metrics.database_up.set(0)

    def _came_up(self) -> None:
        if self._down_since is not None:
            seconds = asyncio.get_running_loop().time() - self._down_since
            _log.info("signals can be written again", seconds=round(seconds, 1))
        self._down_since = None
        self._metrics.database_up.set(1)
