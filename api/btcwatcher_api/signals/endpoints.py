"""`GET /api/v1/signals/`: the history, and single signals."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.access import viewer
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.signals import repository
from btcwatcher_api.signals.cursor import decode
from btcwatcher_api.signals.schemas import Signal, SignalDetail, SignalPage
from btcwatcher_api.signals.types import TYPES_OF_ACTION, Action, SignalType
from btcwatcher_crds.names import split_strategy_id
from btcwatcher_crds.strategy import SignalLevel

router = APIRouter(
    prefix="/api/v1/signals",
    tags=["signals"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 422, 500, 503),
)


async def reading(request: Request) -> AsyncIterator[AsyncConnection]:
    """A connection that cannot write."""
    async with request.app.state.engine.connect() as connection:
        yield connection


Reading = Annotated[AsyncConnection, Depends(reading)]


@router.get("", include_in_schema=False)
@router.get("/", operation_id="listSignals", summary="List signals, newest first")
async def list_signals(
    connection: Reading,
    namespace: Annotated[str | None, Query(max_length=63)] = None,
    strategy: Annotated[
        str | None,
        Query(max_length=117, description="A Strategy's name, or its id <namespace>.<name>", examples=["ema-cross"]),
    ] = None,
    pair: Annotated[str | None, Query(max_length=64, examples=["BTC/USDT"])] = None,
    type: Annotated[list[SignalType] | None, Query(description="One or more message types")] = None,
    action: Annotated[Action | None, Query(description="All types of one kind")] = None,
    level: Annotated[list[SignalLevel] | None, Query(description="One or more levels")] = None,
    since: Annotated[datetime | None, Query(description="Event time from here on; UTC without a zone")] = None,
    until: Annotated[datetime | None, Query(description="Event time before this; UTC without a zone")] = None,
    cursor: Annotated[str | None, Query(max_length=64, description="`next` or `previous` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> SignalPage:
    """Filters are combined with AND. Pages are stable: a cursor points between two signals, not at a number."""
    if strategy is not None and "." in strategy:
        of_strategy, strategy = split(strategy)
        if namespace not in (None, of_strategy):
            return SignalPage(items=[], next=None, previous=None)
        namespace = of_strategy
    types = frozenset(type or ())
    if action is not None:
        types = TYPES_OF_ACTION[action] & types if types else TYPES_OF_ACTION[action]
        if not types:
            return SignalPage(items=[], next=None, previous=None)
    wanted = repository.Filter(
        namespace=namespace,
        strategy=strategy,
        pair=pair,
        types=types,
        levels=frozenset(level or ()),
        since=aware("since", since),
        until=aware("until", until),
    )
    try:
        begin = decode(cursor) if cursor else None
    except ValueError as error:
        raise Problem(422, f"cursor: {error}", [("cursor", str(error))]) from error
    page = await repository.page(connection, wanted, begin, limit)
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


def split(identifier: str) -> tuple[str, str]:
    """Namespace and name of a Strategy's id. Raises Problem 422."""
    try:
        return split_strategy_id(identifier)
    except ValueError as error:
        raise Problem(422, f"strategy: {error}", [("strategy", str(error))]) from error


def aware(name: str, moment: datetime | None) -> datetime | None:
    """The moment with a zone, UTC where it has none. Raises Problem 422 before 1970."""
    if moment is None:
        return None
    try:
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        aware = None
    if aware is None or aware.year < 1970:
        raise Problem(422, f"{name}: must be after 1970", [(name, "must be after 1970")])
    return aware
