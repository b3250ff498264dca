"""What arrived last, in memory: read once a process, however many follow it.

While anybody follows, one connection listens; each commit of signals, on any replica, wakes it, and what is new and
settled is read into a bounded ring. Whoever is further back than the ring reads the database instead: nobody's pace
holds up anybody else, and memory stays bounded.
"""

import asyncio
import contextlib
import random
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from btcwatcher_api import logs
from btcwatcher_api.metrics import Metrics
from btcwatcher_api.signals import arrival
from btcwatcher_api.signals.cursor import Position
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.schemas import Signal

_log = logs.get("btcwatcher_api.feed")

_RING: Final = 2000
_READ: Final = 500
_LOOK_SECONDS: Final = 5.0
"""How often the feed looks without being told: a pooler in between can swallow notifications."""
_UNSETTLED_SECONDS: Final = 0.02
_UNSETTLED_MOST_SECONDS: Final = 0.5
_FIRST_BACKOFF: Final = 0.1
_LAST_BACKOFF: Final = 2.0
_LISTEN: Final = sql.SQL("LISTEN {}").format(sql.Identifier(arrival.CHANNEL))


class Arrived(NamedTuple):
    """One signal, its place in the order of arrival, and how it is sent."""

    position: Position
    row: RowMapping
    json: str


def encoded(row: RowMapping) -> Arrived:
    return Arrived(arrival.position_of_row(row), row, Signal.model_validate(row).model_dump_json())


class Feed:
    """The ring and what fills it. `run` for ever beside the app; follow it within `following()`."""

    def __init__(
        self,
        engine: AsyncEngine,
        connect: Callable[[], Awaitable[psycopg.AsyncConnection]],
        metrics: Metrics,
        *,
        ring: int = _RING,
    ) -> None:
        self._engine = engine
        self._connect = connect
        self._most = ring
        self._ring: deque[Arrived] = deque()
        self._floor: Position | None = None
        self._followers = 0
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self.ended = False
        """Set when the process stops: whoever follows should go, and come again to another replica."""
        metrics.streams.set_function(lambda: self._followers)

    @property
    def changed(self) -> asyncio.Event:
        """Set once there is more than now. Take it before looking: what comes in between is then not missed."""
        return self._changed

    @property
    def followers(self) -> int:
        return self._followers

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """The feed is kept up to date meanwhile."""
        self._followers += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._wanted.clear()

    def end(self) -> None:
        """Send everybody away."""
        self.ended = True
        self._tell()

    def after(self, position: Position, limit: int) -> Sequence[Arrived] | None:
        """What arrived after `position`, at most `limit`; None if that is further back than memory goes."""
        if self._floor is None or position < self._floor:
            return None
        begin = bisect_right(self._ring, position, key=lambda one: one.position)
        return list(islice(self._ring, begin, begin + limit))

    async def run(self) -> None:
        backoff = _FIRST_BACKOFF
        failing = False
        while True:
            await self._wanted.wait()
            try:
                async with await self._connect() as connection:
                    await connection.execute(_LISTEN)
                    await self._catch_up(None)
                    if failing:
                        _log.info("signals can be followed again")
                    backoff, failing = _FIRST_BACKOFF, False
                    await self._listen(connection)
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                # Where the feed stands stays: it goes on from there, and so does everybody who follows.
                if not failing:
                    _log.warning("signals cannot be followed", reason=type(error).__name__)
                failing = True
                await asyncio.sleep(backoff * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                backoff = min(backoff * 2, _LAST_BACKOFF)

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        while self._followers:
            told: int | None = None
            async for notification in connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                told = max(told or 0, _number(notification.payload))
            await self._catch_up(told)
        # Nobody follows: what is in memory would only grow old.
        self._ring.clear()
        self._floor = None

    async def _catch_up(self, told: int | None) -> None:
        """Read what is settled; if that is not all we were told of, an older transaction is under way: look again."""
        pause = _UNSETTLED_SECONDS
        while self._followers:
            settled = await self._read()
            if told is None or told < settled:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _UNSETTLED_MOST_SECONDS)

    async def _read(self) -> int:
        """Fill the ring; returns the arrival below which all has been read."""
        async with self._engine.connect() as connection:
            if self._floor is None:
                self._floor = await arrival.latest(connection)
            while True:
                end = self._ring[-1].position if self._ring else self._floor
                settled = await arrival.horizon(connection)
                rows = await arrival.arrived(connection, Filter(), end, None, _READ)
                self._add(rows)
                if len(rows) < _READ:
                    return settled

    def _add(self, rows: Sequence[RowMapping]) -> None:
        if not rows:
            return
        self._ring.extend(encoded(row) for row in rows)
        while len(self._ring) > self._most:
            self._floor = self._ring.popleft().position
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _number(payload: str) -> int:
    return int(payload) if payload.isdigit() else 0
