"""`/api/v1/strategies/...`: another view of the custom resources. Lists come from the watch, single ones live."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from btcwatcher_api.access import Trader, viewer
from btcwatcher_api.changes import IfMatch, audited, create, delete, put_etag, replace
from btcwatcher_api.declared import page_of
from btcwatcher_api.problems import responses
from btcwatcher_api.strategies import schemas
from btcwatcher_api.strategies.access import Known, Place, Strategies
from btcwatcher_crds.names import ANNOTATION_RESTARTED_AT, STRATEGY_KIND
from btcwatcher_crds.strategy import Mode, State

router = APIRouter(
    prefix="/api/v1/strategies",
    tags=["strategies"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 403, 404, 422, 500, 502, 503),
)


@router.get("", include_in_schema=False)
@router.get("/", operation_id="listStrategies", summary="List Strategies by id")
async def list_strategies(
    known: Known,
    namespace: Annotated[str | None, Query(max_length=63)] = None,
    state: Annotated[State | None, Query(description="What is wanted of it")] = None,
    mode: Mode | None = None,
    ready: Annotated[bool | None, Query(description="Whether it does what is wanted")] = None,
    after: Annotated[str | None, Query(max_length=117, description="`next` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> schemas.StrategyPage:
    """As the watch knows them, a moment after the cluster does."""
    wanted = [
        line
        for line in map(schemas.summary, known.items())
        if (namespace is None or line.namespace == namespace)
        and (state is None or line.state == state)
        and (mode is None or line.mode == mode)
        and (ready is None or line.ready == ready)
    ]
    page, following = page_of(wanted, after, limit)
    return schemas.StrategyPage(items=page, total=len(wanted), next=following)


@router.get("/overview", operation_id="getStrategiesOverview", summary="All Strategies, counted")
async def get_overview(known: Known) -> schemas.Overview:
    return schemas.overview(known.items())


@router.post("", include_in_schema=False, status_code=201)
@router.post(
    "/", operation_id="createStrategy", status_code=201, summary="Make a Strategy", responses=responses(400, 409, 413)
)
async def create_strategy(
    request: Request, response: Response, strategies: Strategies, by: Trader, body: schemas.NewStrategy
) -> schemas.StrategyAnswer:
    return schemas.answer(await create(request, response, strategies, by, STRATEGY_KIND, body, router.prefix))


@router.get("/{strategy_id}", operation_id="getStrategy", summary="One Strategy")
async def get_strategy(response: Response, strategies: Strategies, place: Place) -> schemas.StrategyAnswer:
    return _answer(response, await strategies.get(*place))


@router.put(
    "/{strategy_id}",
    operation_id="updateStrategy",
    summary="Replace a Strategy's spec",
    responses=responses(400, 409, 412, 413, 428),
)
async def update_strategy(
    request: Request,
    response: Response,
    strategies: Strategies,
    by: Trader,
    place: Place,
    body: schemas.StrategyChange,
    if_match: IfMatch = None,
) -> schemas.StrategyAnswer:
    """Needs If-Match, so that nobody undoes a change that he has not seen."""
    async with audited(request, by, "strategy.update", ".".join(place)):
        return _answer(response, await replace(strategies, place, if_match, body.model_dump()))


@router.delete(
    "/{strategy_id}",
    operation_id="deleteStrategy",
    status_code=204,
    summary="Delete a Strategy",
    responses=responses(409, 412),
)
async def delete_strategy(
    request: Request, strategies: Strategies, by: Trader, place: Place, if_match: IfMatch = None
) -> None:
    """Its bot stops. Its volume stays, unless the spec says otherwise; its signals stay."""
    async with audited(request, by, "strategy.delete", ".".join(place)):
        await delete(strategies, place, if_match)


@router.post("/{strategy_id}/start", operation_id="startStrategy", summary="Run: spec.state becomes Running")
async def start_strategy(
    request: Request, response: Response, strategies: Strategies, by: Trader, place: Place
) -> schemas.StrategyAnswer:
    async with audited(request, by, "strategy.start", ".".join(place)):
        return _answer(response, await strategies.merge(*place, {"spec": {"state": State.RUNNING.value}}))


@router.post("/{strategy_id}/stop", operation_id="stopStrategy", summary="Stop: spec.state becomes Suspended")
async def stop_strategy(
    request: Request, response: Response, strategies: Strategies, by: Trader, place: Place
) -> schemas.StrategyAnswer:
    """No pod; port, data and history stay. Open trades are not looked after while it is stopped."""
    async with audited(request, by, "strategy.stop", ".".join(place)):
        return _answer(response, await strategies.merge(*place, {"spec": {"state": State.SUSPENDED.value}}))


@router.post("/{strategy_id}/restart", operation_id="restartStrategy", summary="Restart the bot once")
async def restart_strategy(
    request: Request, response: Response, strategies: Strategies, by: Trader, place: Place
) -> schemas.StrategyAnswer:
    """Also takes over a changed config that waits (updateStrategy Manual)."""
    moment = datetime.now(UTC).isoformat(timespec="microseconds")
    async with audited(request, by, "strategy.restart", ".".join(place)):
        patch = {"metadata": {"annotations": {ANNOTATION_RESTARTED_AT: moment}}}
        return _answer(response, await strategies.merge(*place, patch))


@router.get("/{strategy_id}/health", operation_id="getStrategyHealth", summary="How it is doing: its conditions")
async def get_health(strategies: Strategies, place: Place) -> schemas.StrategyHealth:
    return schemas.health(await strategies.get(*place))


def _answer(response: Response, item: Mapping[str, Any]) -> schemas.StrategyAnswer:
    put_etag(response, item)
    return schemas.answer(item)
