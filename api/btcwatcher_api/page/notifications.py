"""`/notifications`: the channels and how they are doing, and what was told to whom, with its outcome."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from btcwatcher_api.notifications import history, statistics
from btcwatcher_api.notifications.channel_endpoints import KnownChannels
from btcwatcher_api.notifications.channel_schemas import answer
from btcwatcher_api.notifications.delivery_filter import DeliveryFilter
from btcwatcher_api.notifications.delivery_schemas import delivery
from btcwatcher_api.notifications.worker.verdicts import DeliveryState
from btcwatcher_api.page import render
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals.cursor import WrittenCursor, decode_written
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.strategies.access import Known
from btcwatcher_crds.names import split_strategy_id

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PAGE: Final = 100
_DAY: Final = timedelta(days=1)


@router.get("/notifications")
async def show_notifications(
    request: Request,
    visitor: SignedIn,
    known: Known,
    channels: KnownChannels,
    connection: Reading,
    channel: Annotated[str, Query(max_length=127)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    strategies = known.items()
    shown = sorted((answer(one.item, strategies) for one in channels.channels()), key=lambda one: one.id)
    page = await history.page(connection, wanted(channel.strip(), state), _place(cursor), _PAGE)
    now = datetime.now(UTC)
    counted = await statistics.counted(connection, DeliveryFilter(since=now - _DAY, until=now + _DAY))
    return render.page(
        request,
        "notifications.html",
        visitor,
        channels=shown,
        deliveries=[delivery(row) for row in page.rows],
        counts={str(name): count for name, count in counted.all.states.items()},
        total=counted.all.total,
        p95=counted.all.latencies.percentile(0.95) if counted.all.latencies.count else None,
        filters={"channel": channel.strip(), "state": state},
        states=[one.value for one in DeliveryState],
        older=page.older.encode() if page.older else None,
        newer=page.newer.encode() if page.newer and cursor else None,
    )


def wanted(channel: str, state: str) -> DeliveryFilter:
    """What is empty, or no word of ours, filters nothing. Raises Problem 422."""
    namespace: str | None = None
    name: str | None = channel or None
    if "." in channel:
        try:
            namespace, name = split_strategy_id(channel)
        except ValueError as error:
            raise Problem(422, f"channel: {error}") from error
    states = frozenset({DeliveryState(state)}) if state in list(DeliveryState) else frozenset[DeliveryState]()
    return DeliveryFilter(namespace=namespace, channel=name, states=states)


def _place(cursor: str) -> WrittenCursor | None:
    """Raises Problem 422."""
    try:
        return decode_written(cursor) if cursor else None
    except ValueError as error:
        raise Problem(422, f"cursor: {error}") from error
