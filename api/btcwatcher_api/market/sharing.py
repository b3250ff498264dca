"""One call for one question, however many ask at once: answers that are fresh are given again, calls are joined."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

from btcwatcher_api.market.questions import Question
from btcwatcher_api.market.store import Answer, Store


class Result(StrEnum):
    """How a request came out; also in the header X-Btcwatcher-Cache and in the metrics."""

    HIT = "hit"
    MISS = "miss"
    JOINED = "joined"
    STALE = "stale"
    PASSED = "passed"
    REFUSED = "refused"
    LIMITED = "limited"
    ERROR = "error"


def _look(flight: asyncio.Task[Answer]) -> None:
    """All who waited may have hung up: then nobody else looks at how it ended."""
    if not flight.cancelled():
        flight.exception()


class Sharing:
    """`keeps` says whether an answer may be given again."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._flights: dict[Question, asyncio.Task[Answer]] = {}

    async def answer(self, question: Question, ask: Callable[[], Awaitable[Answer]]) -> tuple[Result, Answer]:
        """What `ask` raises is raised for all who wait, unless an answer is kept that may be stale. Who is cancelled
        does not cancel the call."""
        came = self._clock() * 1000
        while True:
            kept = self._store.get(question)
            now = self._clock() * 1000
            if kept is not None and now < kept.lifetime.fresh_until:
                return Result.HIT, kept
            flight = self._flights.get(question)
            joined = flight is not None
            if flight is None:
                flight = asyncio.create_task(self._fly(question, ask))
                flight.add_done_callback(_look)
                self._flights[question] = flight
            try:
                answer = await asyncio.shield(flight)
            except asyncio.CancelledError:
                raise
            except Exception:
                if kept is not None and now < kept.lifetime.stale_until:
                    return Result.STALE, kept
                raise
            if answer.passing and kept is not None and now < kept.lifetime.stale_until:
                return Result.STALE, kept
            # A call that began before a candle closed may end after somebody asked who knows that it has closed.
            if joined and answer.status == 200 and answer.lifetime.fresh_until <= came:
                continue
            return Result.JOINED if joined else Result.MISS, answer

    async def close(self) -> None:
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fly(self, question: Question, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await ask()
            if answer.lifetime.fresh_until > self._clock() * 1000:
                self._store.put(question, answer)
            return answer
        finally:
            del self._flights[question]
