"""`GET /api/v1/notifications/`: every delivery, and single ones with their attempts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from btcwatcher_api.access import viewer
from btcwatcher_api.notifications import history
from btcwatcher_api.notifications.delivery_filter import Wanted
from btcwatcher_api.notifications.delivery_schemas import DeliveryDetail, DeliveryPage, delivery, detail
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.signals.cursor import WrittenCursor, decode_written
from btcwatcher_api.signals.endpoints import Asking, Reading

router = APIRouter(
    prefix="/api/v1/notifications",
    tags=["notifications"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 422, 500, 503),
)


@router.get("", include_in_schema=False)
@router.get("/", operation_id="listDeliveries", summary="List what was told to whom, newest first")
async def list_deliveries(
    connection: Asking,
    wanted: Wanted,
    cursor: Annotated[str | None, Query(max_length=64, description="`next` or `previous` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeliveryPage:
    """One line for each message to each channel. Filters are combined with AND; pages are stable."""
    begin = _begin(cursor)
    if wanted is None:
        return DeliveryPage(items=[], next=None, previous=None)
    page = await history.page(connection, wanted, begin, limit)
    return DeliveryPage(
        items=[delivery(row) for row in page.rows],
        next=page.older.encode() if page.older else None,
        previous=page.newer.encode() if page.newer else None,
    )


@router.get(
    "/{delivery_id}",
    operation_id="getDelivery",
    summary="One delivery, with its attempts and what it is of",
    responses=responses(404),
)
async def get_delivery(connection: Reading, delivery_id: UUID) -> DeliveryDetail:
    row = await history.one(connection, delivery_id)
    if row is None:
        raise Problem(404, "there is no such delivery")
    return detail(
        row,
        await history.attempts_of(connection, delivery_id),
        await history.subject_of(connection, row["kind"], row["subject_id"]),
    )


def _begin(cursor: str | None) -> WrittenCursor | None:
    """Raises Problem 422 for what is no cursor of this list."""
    if cursor is None:
        return None
    try:
        return decode_written(cursor)
    except ValueError as error:
        raise Problem(422, f"cursor: {error}", [("cursor", str(error))]) from error
