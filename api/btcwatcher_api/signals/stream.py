"""The signals as server-sent events, from a place in the order of their arrival on, for as long as somebody listens."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from fastapi.sse import format_sse_event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from btcwatcher_api.signals import arrival
from btcwatcher_api.signals.cursor import Position, event_id
from btcwatcher_api.signals.feed import Arrived, Feed, encoded
from btcwatcher_api.signals.filters import Filter

EVENT: Final = "signal"
HEARTBEAT_SECONDS: Final = 10.0
RETRY_MS: Final = 1000
"""How long a browser waits before it comes again."""
_BATCH: Final = 200
_AWAY_SECONDS: Final = 0.5


async def events(
    feed: Feed,
    engine: AsyncEngine,
    wanted: Filter,
    position: Position,
    *,
    lasts: float,
    heartbeat: float = HEARTBEAT_SECONDS,
    written: Callable[[Arrived], str] = lambda one: one.json,
) -> AsyncIterator[bytes]:
    """Everything `wanted` that arrived after `position`, each once, for `lasts` seconds or until the feed ends.

    `written` is what an event says of a signal.

    There is no buffer for each listener: one that reads slowly is only further back, at last out of the ring and in the
    database. A heartbeat carries the place reached, so that coming again after hours of nothing wanted costs nothing.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + lasts
    with feed.following():
        yield format_sse_event(comment="following", id=event_id(position), retry=RETRY_MS)
        while not feed.ended and (left := end - loop.time()) > 0:
            changed = feed.changed
            # What is in memory is filtered here, what is not by the database.
            at_hand = feed.after(position, _BATCH)
            if at_hand is not None:
                found: Sequence[Arrived] = [one for one in at_hand if wanted.matches(one.row)]
                reached = at_hand[-1].position if at_hand else position
            else:
                try:
                    found, reached = await _stored(engine, wanted, position)
                except (DBAPIError, PoolTimeout, OSError):
                    yield format_sse_event(comment="the database does not answer")
                    await asyncio.sleep(min(_AWAY_SECONDS, left))
                    continue
            moved, position = reached != position, reached
            if found:
                yield b"".join(
                    format_sse_event(event=EVENT, data_str=written(one), id=event_id(one.position)) for one in found
                )
            elif not moved:
                try:
                    async with asyncio.timeout(min(heartbeat, left)):
                        await changed.wait()
                except TimeoutError:
                    yield format_sse_event(comment="heartbeat", id=event_id(position))


async def _stored(engine: AsyncEngine, wanted: Filter, begin: Position) -> tuple[Sequence[Arrived], Position]:
    """The next signals after `begin`, and how far that has looked."""
    async with engine.connect() as connection:
        end = await arrival.latest(connection)
        if end <= begin:
            return [], begin
        rows = await arrival.arrived(connection, wanted, begin, end, _BATCH)
    found = [encoded(row) for row in rows]
    return found, found[-1].position if len(found) == _BATCH else end
