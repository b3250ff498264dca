"""`/signals`: the history with filters, newest first, growing while it is looked at."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from btcwatcher_api.page import live, render
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals import arrival, repository
from btcwatcher_api.signals.cursor import Cursor, decode, event_id
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.signals.filter_query import split
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.types import TYPES_OF_ACTION, Action
from btcwatcher_api.strategies.access import Known
from btcwatcher_crds.strategy import SignalLevel

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PAGE: Final = 100


@router.get("/signals")
async def show_signals(
    request: Request,
    visitor: SignedIn,
    known: Known,
    connection: Reading,
    strategy: Annotated[str, Query(max_length=117)] = "",
    pair: Annotated[str, Query(max_length=64)] = "",
    level: Annotated[str, Query(max_length=20)] = "",
    action: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    chosen = {"strategy": strategy.strip(), "pair": pair.strip().upper(), "level": level, "action": action}
    begin = _place(cursor)
    latest = await arrival.latest(connection)
    page = await repository.page(connection, wanted(**chosen), begin, _PAGE)
    # An older page stands still: what arrives belongs to the first.
    first = begin is None
    return render.page(
        request,
        "signals.html",
        visitor,
        rows=page.rows,
        filters=chosen,
        pairs=sorted({pair for item in known.items() for pair in item["spec"]["exchange"].get("pairs") or ()}),
        ids=sorted(one.id for one in known.strategies()),
        older=page.older.encode() if page.older else None,
        newer=page.newer.encode() if page.newer and not first else None,
        live=live.address(request, event_id(latest), filters=chosen) if first else None,
    )


def wanted(strategy: str, pair: str, level: str, action: str) -> Filter:
    """What is empty filters nothing; what is no word of ours either. Raises Problem 422."""
    namespace, name = split(strategy) if "." in strategy else (None, strategy or None)
    return Filter(
        namespace=namespace,
        strategy=name,
        pair=pair or None,
        levels=frozenset({level} if level in list(SignalLevel) else ()),
        types=TYPES_OF_ACTION[Action(action)] if action in list(Action) else frozenset(),
    )


def _place(cursor: str) -> Cursor | None:
    """Raises Problem 422."""
    try:
        return decode(cursor) if cursor else None
    except ValueError as error:
        raise Problem(422, f"cursor: {error}") from error
