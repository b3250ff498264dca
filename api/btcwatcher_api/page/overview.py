"""`/`: every Strategy, how it is doing, and what can be done to it; and the signals as they arrive."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.page import figures, lines, live, render
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn
from btcwatcher_api.signals import arrival, repository, statistics
from btcwatcher_api.signals.cursor import event_id
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.strategies.access import Known
from btcwatcher_api.strategies.schemas import StrategySummary, overview
from btcwatcher_api.system.capacity import port_pool
from btcwatcher_api.system.endpoints import SettingsOf

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PAGE: Final = 200
_RECENT: Final = 30
_DAY: Final = timedelta(days=1)
_LOOK_BACK: Final = timedelta(days=31)
_LAST_SIGNALS: Final = text(
    "SELECT wanted.id, last.* FROM unnest(CAST(:ids AS text[]), CAST(:namespaces AS text[]), CAST(:names AS text[]))"
    " AS wanted (id, namespace, name), LATERAL (SELECT event_time, type, pair, level FROM signals"
    " WHERE signals.namespace = wanted.namespace AND signals.strategy = wanted.name"
    " AND event_time > clock_timestamp() - CAST(:back AS interval) ORDER BY signals.id DESC LIMIT 1) AS last"
)


@router.get("/")
async def show_overview(
    request: Request,
    visitor: SignedIn,
    known: Known,
    settings: SettingsOf,
    connection: Reading,
    q: Annotated[str, Query(max_length=117)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    mode: Annotated[str, Query(max_length=20)] = "",
    ready: Annotated[str, Query(pattern="^(|yes|no)$")] = "",
    after: Annotated[str | None, Query(max_length=117)] = None,
) -> Response:
    items = known.items()
    found = lines.wanted(items, q.strip(), state, mode, {"yes": True, "no": False}.get(ready))
    left = [one for one in found if after is None or one.strategy.id > after]
    shown = left[:_PAGE]
    begin = await arrival.latest(connection)
    recent = await repository.page(connection, Filter(), None, _RECENT)
    now = datetime.now(UTC)
    counted = statistics.summed(await statistics.by_strategy(connection, Filter(since=now - _DAY, until=now + _DAY)))
    return render.page(
        request,
        "overview.html",
        visitor,
        lines=shown,
        following=shown[-1].strategy.id if len(left) > _PAGE else None,
        counts=overview(items),
        filters={"q": q.strip(), "state": state, "mode": mode, "ready": ready},
        ports=port_pool(*settings.ports, items),
        last=await last_signals(connection, [one.strategy for one in shown]),
        figures=await figures.by_id(request.app.state.prometheus),
        signals_shown=recent.rows,
        counted=counted,
        live=live.address(request, event_id(begin), strategies=live.newest(items)),
    )


async def last_signals(connection: AsyncConnection, wanted: Sequence[StrategySummary]) -> dict[str, Row[Any]]:
    """The latest signal of each of the last month, by the Strategy's id."""
    rows = await connection.execute(
        _LAST_SIGNALS,
        {
            "ids": [one.id for one in wanted],
            "namespaces": [one.namespace for one in wanted],
            "names": [one.name for one in wanted],
            "back": _LOOK_BACK,
        },
    )
    return {row.id: row for row in rows}
