"""What a trader can do to a Strategy on the page: the same changes as by REST, with the same rows in the audit log."""

from enum import StrEnum
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from btcwatcher_api.changes import audited
from btcwatcher_api.page import render
from btcwatcher_api.page.forms import Fields
from btcwatcher_api.page.origin import local_path
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import Trading
from btcwatcher_api.strategies import endpoints as strategies
from btcwatcher_api.strategies.access import Place, Strategies
from btcwatcher_crds.strategy import State

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class Action(StrEnum):
    RESUME = "resume"
    PAUSE = "pause"
    SUSPEND = "suspend"
    RESTART = "restart"


_BY_REST: Final = {
    Action.RESUME: strategies.start_strategy,
    Action.SUSPEND: strategies.stop_strategy,
    Action.RESTART: strategies.restart_strategy,
}


@router.post("/strategies/{strategy_id}/{action}")
async def act(
    request: Request, visitor: Trading, resources: Strategies, place: Place, action: Action, fields: Fields
) -> Response:
    """Answers a script of ours without a body: the change comes by the live stream."""
    if action is Action.PAUSE:
        async with audited(request, visitor.identity, "strategy.pause", ".".join(place)):
            await resources.merge(*place, {"spec": {"state": State.PAUSED.value}})
    else:
        await _BY_REST[action](request, Response(), resources, visitor.identity, place)
    if request.headers.get("accept") == "text/plain":
        return PlainTextResponse("", status_code=200)
    return RedirectResponse(render.root(request) + local_path(fields.get("back")), status_code=303)
