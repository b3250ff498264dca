"""`GET /api/v1/signals/`: the history, and single signals."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.access import viewer
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.signals import repository
from btcwatcher_api.signals.cursor import Cursor, decode
from btcwatcher_api.signals.filter_query import Wanted
from btcwatcher_api.signals.schemas import Signal, SignalDetail, SignalPage

router = APIRouter(
    prefix="/api/v1/signals",
    tags=["signals"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 422, 500, 503),
)


class Order(StrEnum):
    """What is newest: the latest event, or what arrived last."""

    TIME = "time"
    ARRIVAL = "arrival"


async def reading(request: Request) -> AsyncIterator[AsyncConnection]:
    """A connection that cannot write."""
    async with request.app.state.engine.connect() as connection:
        yield connection


Reading = Annotated[AsyncConnection, Depends(reading)]


@router.get("", include_in_schema=False)
@router.get("/", operation_id="listSignals", summary="List signals, newest first")
async def list_signals(
    connection: Reading,
    wanted: Wanted,
    order: Annotated[
        Order | None,
        Query(
            description="`time` (the default): by the events' times. `arrival`: by when they were stored; whoever asks"
            " for `previous` again and again in this order misses none, also where an old event arrives late"
        ),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=64, description="`next` or `previous` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> SignalPage:
    """Filters are combined with AND. Pages are stable: a cursor points between two signals, not at a number."""
    begin = _begin(cursor, order)
    if wanted is None:
        return SignalPage(items=[], next=None, previous=None)
    by_arrival = begin.arrival is not None if begin else order is Order.ARRIVAL
    page = await repository.page(connection, wanted, begin, limit, by_arrival=by_arrival)
    return SignalPage(
        items=[Signal.model_validate(row) for row in page.rows],
        next=page.older.encode() if page.older else None,
        previous=page.newer.encode() if page.newer else None,
    )


@router.get(
    "/{signal_id}", operation_id="getSignal", summary="One signal, with the body it came as", responses=responses(404)
)
async def get_signal(connection: Reading, signal_id: UUID) -> SignalDetail:
    row = await repository.one(connection, signal_id)
    if row is None:
        raise Problem(404, "there is no such signal")
    return SignalDetail.model_validate(row)


def _begin(cursor: str | None, order: Order | None) -> Cursor | None:
    """Raises Problem 422 for what is no cursor, or one of another order."""
    if cursor is None:
        return None
    try:
        begin = decode(cursor)
    except ValueError as error:
        raise Problem(422, f"cursor: {error}", [("cursor", str(error))]) from error
    if order is not None and (order is Order.ARRIVAL) != (begin.arrival is not None):
        message = f"is of a list in another order than `{order.value}`: leave `order` out"
        raise Problem(422, f"cursor: {message}", [("cursor", message)])
    return begin
