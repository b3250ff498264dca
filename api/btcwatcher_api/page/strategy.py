"""`/strategies/{id}`: one Strategy: its conditions in words, Events, the end of its bot's log, its latest signals."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from kubernetes.aio import client

from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.page import figures, lines, live, render
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals import arrival, repository
from btcwatcher_api.signals.cursor import event_id
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.strategies.access import Known, Place
from btcwatcher_api.strategies.podlog import PodLogs, Wanted
from btcwatcher_api.strategies.schemas import answer
from btcwatcher_crds.names import strategy_id

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_SIGNALS: Final = 25
_LOG_LINES: Final = 200
_LOG_BYTES: Final = 256 * 1024
_EVENTS: Final = 50


@router.get("/strategies/{strategy_id}")
async def show_strategy(
    request: Request, visitor: SignedIn, known: Known, place: Place, connection: Reading
) -> Response:
    found = known.find(*place)
    if found is None:
        raise Problem(404, f"there is no Strategy {strategy_id(*place)} (any more)")
    latest = await arrival.latest(connection)
    recent = await repository.page(connection, Filter(namespace=place[0], strategy=place[1]), None, _SIGNALS)
    cluster: Cluster = request.app.state.cluster
    told, log = await asyncio.gather(
        _said(events(cluster, *place)), _said(log_tail(request.app.state.pod_logs, *place))
    )
    exchange = found.item["spec"].get("exchange") or {}
    return render.page(
        request,
        "strategy.html",
        visitor,
        line=lines.line(found.item),
        trading=(await figures.by_id(request.app.state.prometheus)).get(found.id),
        strategy=answer(found.item),
        exchange=exchange,
        events=told,
        log=log,
        signals_shown=recent.rows,
        live=live.address(
            request, event_id(latest), strategies=live.version(found.item), filters={"strategy": found.id}
        ),
    )


async def _said(asked: Any) -> tuple[Any, str | None]:
    """The answer, or why there is none."""
    try:
        return await asked, None
    except Problem as problem:
        return None, problem.detail


async def events(cluster: Cluster, namespace: str, name: str) -> list[Mapping[str, Any]]:
    """What operator and cluster have said of it lately, the newest first. Raises Problem."""

    async def ask(connected: client.ApiClient) -> list[core.Object]:
        of_it = f"involvedObject.kind=Strategy,involvedObject.name={name}"
        where = core.path("namespaces", namespace, "events")
        page = await core.request(connected, "GET", where, query={"fieldSelector": of_it, "limit": 500})
        return page.get("items") or []

    told: list[Mapping[str, Any]] = [
        {
            "at": _moment(one),
            "type": one.get("type") or "Normal",
            "reason": one.get("reason") or "",
            "message": one.get("message") or "",
            "count": one.get("count") or 1,
        }
        for one in await cluster.call(ask)
    ]

    def at(event: Mapping[str, Any]) -> datetime:
        moment: datetime = event["at"]
        return moment

    return sorted(told, key=at, reverse=True)[:_EVENTS]


def _moment(event: Mapping[str, Any]) -> datetime:
    """When it was said last: Events of the older way have a time each, those of the newer one a time and a count."""
    said = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    return datetime.fromisoformat(said)


async def log_tail(logs: PodLogs, namespace: str, name: str) -> str:
    """The last lines of the bot. Raises Problem where there are none."""

    async def never() -> bool:
        return False

    opened = await logs.open(namespace, name, Wanted(tail=_LOG_LINES))
    said = bytearray()
    async for chunk in logs.chunks(opened, False, never):
        said += chunk
    return said[-_LOG_BYTES:].decode(errors="replace")
