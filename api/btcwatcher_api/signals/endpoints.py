"""`GET /api/v1/signals/`: the history, and single signals."""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.access import viewer
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.signals import repository, wire
from btcwatcher_api.signals.cursor import Cursor, decode
from btcwatcher_api.signals.filter_query import Wanted
from btcwatcher_api.signals.schemas import SignalDetail, SignalPage

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


async def asking(request: Request) -> AsyncIterator[AsyncConnection]:
    """The same for a single statement, without the round trips of a transaction around it."""
    async with request.app.state.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


Asking = Annotated[AsyncConnection, Depends(asking)]


@router.get("", include_in_schema=False)
@router.get("/", operation_id="listSignals", summary="List signals, newest first", response_model=SignalPage)
async def list_signals(
    connection: Asking,
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
) -> Response:
    """Filters are combined with AND. Pages are stable: a cursor points between two signals, not at a number."""
    begin = _begin(cursor, order)
    if wanted is None:
        return _page([], None, None)
    by_arrival = begin.arrival is not None if begin else order is Order.ARRIVAL
    page = await repository.page(connection, wanted, begin, limit, by_arrival=by_arrival)
    return _page(page.rows, page.older, page.newer)


@router.get(
    "/{signal_id}", operation_id="getSignal", summary="One signal, with the body it came as", responses=responses(404)
)
async def get_signal(connection: Asking, signal_id: UUID) -> SignalDetail:
    row = await repository.one(connection, signal_id)
    if row is None:
        raise Problem(404, "there is no such signal")
    return SignalDetail.model_validate(row)


def _page(rows: Sequence[Row[Any]], older: Cursor | None, newer: Cursor | None) -> Response:
    content = wire.page(rows, older.encode() if older else None, newer.encode() if newer else None)
    return Response(content, media_type="application/json")


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
