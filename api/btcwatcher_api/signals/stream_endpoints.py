"""`GET /api/v1/signals/stream`: the signals as they arrive."""

import random
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from btcwatcher_api.access import viewer
from btcwatcher_api.problems import Problem, responses, unavailable
from btcwatcher_api.signals import arrival, stream
from btcwatcher_api.signals.cursor import Position, decode, position_of
from btcwatcher_api.signals.filter_query import Wanted

router = APIRouter(
    prefix="/api/v1/signals",
    tags=["signals"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 422, 500, 503),
)

_MEDIA_TYPE: Final = "text/event-stream"
_LAST_EVENT_ID: Final = "Last-Event-ID"
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events named `signal`, whose data is a Signal as JSON, in the order of arrival; comments keep"
        " the connection alive. It ends by itself after some minutes: come again with the last id.",
        "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
_FULL_RETRY_SECONDS: Final = 10


@router.get(
    "/stream",
    operation_id="streamSignals",
    summary="Follow the signals as they arrive",
    response_class=StreamingResponse,
    responses=_ANSWER,
)
async def stream_signals(
    request: Request,
    wanted: Wanted,
    last_event_id: Annotated[
        str | None,
        Header(
            max_length=64,
            description="The id of the last event that was seen, or a `previous` of `order=arrival`: the stream goes on"
            " after it, on any replica. Without it, it begins with what arrives from now on",
        ),
    ] = None,
) -> StreamingResponse:
    """Server-sent events. The filters are those of the list; each signal comes once."""
    state = request.app.state
    if wanted is None:
        raise Problem(422, "no signal can meet all of these filters")
    if state.feed.followers >= state.settings.streams_max:
        raise unavailable("too many are following", retry_after=_FULL_RETRY_SECONDS)
    # As long as an access token is good: whoever lost his role meanwhile is then found out.
    lasts = state.settings.access_lifetime.total_seconds() * random.uniform(0.8, 1.0)  # noqa: S311 - not in step
    return StreamingResponse(
        stream.events(state.feed, state.engine, wanted, await begin(request, last_event_id), lasts=lasts),
        media_type=_MEDIA_TYPE,
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def begin(request: Request, last_event_id: str | None) -> Position:
    """Raises Problem 422 for what no event of this database was called."""
    try:
        position = position_of(decode(last_event_id)) if last_event_id else None
    except ValueError as error:
        raise _refused(str(error)) from error
    async with request.app.state.engine.connect() as connection:
        if position is None:
            return await arrival.latest(connection)
        if position.arrival >= await arrival.horizon(connection):
            raise _refused("is of what this database does not hold (was it set back?): begin again without it")
    return position


def _refused(message: str) -> Problem:
    return Problem(422, f"{_LAST_EVENT_ID}: {message}", [(_LAST_EVENT_ID, message)])
