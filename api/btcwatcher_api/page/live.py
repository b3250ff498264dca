"""`/live`: what changes on an open page, as server-sent events that hold HTML: signals as they arrive, and the rows of
Strategies that are other than before."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from fastapi.sse import format_sse_event

from btcwatcher_api.page import render
from btcwatcher_api.page.lines import Line, line
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn
from btcwatcher_api.problems import unavailable
from btcwatcher_api.signals import stream, stream_endpoints
from btcwatcher_api.signals.feed import Arrived
from btcwatcher_api.signals.filter_query import Wanted
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_api.strategies.schemas import overview

router = APIRouter(route_class=PageRoute, include_in_schema=False)

PATH: Final = "/live"
_GATHER_SECONDS: Final = 0.2
"""Changes that come together are sent together: a rollout changes hundreds of rows a few times each."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def address(
    request: Request, after: str, *, strategies: int | None = None, filters: Mapping[str, str] | None = None
) -> str:
    """Where a page goes on that shows all up to the event `after`, and Strategies up to that version."""
    asked = {name: value for name, value in (filters or {}).items() if value}
    seen = {} if strategies is None else {"seen": str(strategies)}
    return f"{render.root(request)}{PATH}?{urlencode({'after': after, **seen, **asked})}"


def newest(items: Iterable[Mapping[str, Any]]) -> int:
    """The latest of the objects' versions, which Kubernetes lets compare as numbers."""
    return max((version(item) for item in items), default=0)


def version(item: Mapping[str, Any]) -> int:
    text = str(item["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0


@router.get("/signed-in")
async def is_signed_in(visitor: SignedIn) -> Response:
    """For a script whose stream has ended: whether it is worth coming again."""
    return PlainTextResponse(visitor.name)


@router.get(PATH)
async def follow(
    request: Request,
    visitor: SignedIn,
    wanted: Wanted,
    after: Annotated[str | None, Query(max_length=64)] = None,
    seen: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> Response:
    """Ends after some minutes, as a stream of the API does; the browser comes again by itself."""
    state = request.app.state
    if state.feed.followers >= state.settings.streams_max:
        raise unavailable("too many pages are open", retry_after=10)
    lasts = state.settings.access_lifetime.total_seconds() * random.uniform(0.8, 1.0)  # noqa: S311 - not in step
    begin = await stream_endpoints.begin(request, last_event_id or after)
    context = render.given(request, visitor) | {"path": "/"}

    def signal(one: Arrived) -> str:
        return render.fragment("_signals.html", "row", context, one.row)

    sources = [stream.events(state.feed, state.engine, wanted or Filter(), begin, lasts=lasts, written=signal)]
    if seen is not None:
        sources.append(strategy_changes(state.registry, seen, lambda changed: _row(context, changed)))
    return StreamingResponse(merged(*sources), media_type="text/event-stream", headers=_HEADERS)


def _row(context: Mapping[str, Any], changed: Line) -> str:
    return render.fragment("_strategies.html", "row", context, changed, None, None)


async def strategy_changes(registry: Registry, seen: int, written: Callable[[Line], str]) -> AsyncIterator[bytes]:
    """The row of each Strategy whose object is newer than `seen`, then those that change, and ids of those that go."""
    sent: dict[str, int] = {}
    first = True
    while True:
        changed = registry.changed
        items = {strategy.id: strategy.item for strategy in registry.strategies()}
        events = []
        for identifier in sent.keys() - items.keys():
            events.append(format_sse_event(event="strategy-gone", data_str=identifier))
        for identifier, item in items.items():
            now = version(item)
            if now > seen if first else sent.get(identifier) != now:
                events.append(format_sse_event(event="strategy", data_str=written(line(item))))
        sent = {identifier: version(item) for identifier, item in items.items()}
        first = False
        if events:
            counted = overview(items.values())
            counts = {"ready": counted.ready, "not_ready": counted.not_ready, "total": counted.total}
            events.append(format_sse_event(event="counts", data_str=json.dumps(counts)))
            yield b"".join(events)
        await changed.wait()
        await asyncio.sleep(_GATHER_SECONDS)


async def merged(*sources: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What all of them yield, until one of them ends."""
    ready: asyncio.Queue[bytes | None] = asyncio.Queue(1)

    async def pump(source: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in source:
                await ready.put(chunk)
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await ready.put(None)

    pumps = [asyncio.create_task(pump(source)) for source in sources]
    try:
        while (chunk := await ready.get()) is not None:
            yield chunk
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
