"""`/api/v1/strategies/...`: another view of the custom resources. Lists come from the watch, single ones live."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from btcwatcher_api import logs
from btcwatcher_api.access import Trader, viewer
from btcwatcher_api.accounts import audit
from btcwatcher_api.accounts.roles import Identity
from btcwatcher_api.problems import Problem, request_id, responses, unavailable
from btcwatcher_api.strategies import schemas
from btcwatcher_api.strategies.cluster import StrategyClient
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.names import ANNOTATION_RESTARTED_AT, API_VERSION, STRATEGY_KIND, split_strategy_id
from btcwatcher_crds.strategy import Mode, State

router = APIRouter(
    prefix="/api/v1/strategies",
    tags=["strategies"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 403, 404, 422, 500, 502, 503),
)

_ATTEMPTS: Final = 3
_log = logs.get("btcwatcher_api.strategies")


async def _known(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    if not registry.synced:
        raise unavailable("the Strategies are not known yet")
    return registry


async def _cluster(request: Request) -> StrategyClient:
    cluster: StrategyClient = request.app.state.cluster
    return cluster


async def _place(request: Request, strategy_id: str) -> tuple[str, str]:
    """Namespace and name. Raises Problem 404 for what cannot be a Strategy here."""
    try:
        namespace, name = split_strategy_id(strategy_id)
    except ValueError as error:
        raise Problem(404, f"strategy_id: {error}") from error
    # Both end up in a path of Kubernetes' API: nothing but names may.
    if not all(part.isascii() and part.replace("-", "").replace(".", "").isalnum() for part in (namespace, name)):
        raise Problem(404, "there is no such Strategy")
    if not request.app.state.registry.serves(namespace):
        raise Problem(404, f"this API does not look after the namespace {namespace}")
    return namespace, name


Known = Annotated[Registry, Depends(_known)]
Cluster = Annotated[StrategyClient, Depends(_cluster)]
Place = Annotated[tuple[str, str], Depends(_place)]
IfMatch = Annotated[
    str | None, Header(description="The ETag of the Strategy that was read; * changes whatever is there", max_length=80)
]


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
    lines = sorted((schemas.summary(item) for item in known.items()), key=lambda line: line.id)
    wanted = [
        line
        for line in lines
        if (namespace is None or line.namespace == namespace)
        and (state is None or line.state == state)
        and (mode is None or line.mode == mode)
        and (ready is None or line.ready == ready)
    ]
    left = [line for line in wanted if after is None or line.id > after]
    page = left[:limit]
    return schemas.StrategyPage(items=page, total=len(wanted), next=page[-1].id if len(left) > limit else None)


@router.get("/overview", operation_id="getStrategiesOverview", summary="All Strategies, counted")
async def get_overview(known: Known) -> schemas.Overview:
    return schemas.overview(known.items())


@router.post("", include_in_schema=False, status_code=201)
@router.post(
    "/", operation_id="createStrategy", status_code=201, summary="Make a Strategy", responses=responses(409, 413)
)
async def create_strategy(
    request: Request, response: Response, cluster: Cluster, by: Trader, body: schemas.NewStrategy
) -> schemas.StrategyAnswer:
    if not request.app.state.registry.serves(body.namespace):
        raise Problem(403, f"this API does not look after the namespace {body.namespace}")
    metadata = {
        "namespace": body.namespace,
        "name": body.name,
        "labels": body.labels or {},
        "annotations": body.annotations or {},
    }
    manifest = {"apiVersion": API_VERSION, "kind": STRATEGY_KIND, "metadata": metadata, "spec": body.spec}
    async with _audited(request, by, "strategy.create", f"{body.namespace}.{body.name}"):
        made = await cluster.create(body.namespace, manifest)
    response.headers["Location"] = f"{router.prefix}/{body.namespace}.{body.name}"
    return _answer(response, made)


@router.get("/{strategy_id}", operation_id="getStrategy", summary="One Strategy")
async def get_strategy(response: Response, cluster: Cluster, place: Place) -> schemas.StrategyAnswer:
    return _answer(response, await cluster.get(*place))


@router.put(
    "/{strategy_id}",
    operation_id="updateStrategy",
    summary="Replace a Strategy's spec",
    responses=responses(409, 412, 413, 428),
)
async def update_strategy(
    request: Request,
    response: Response,
    cluster: Cluster,
    by: Trader,
    place: Place,
    body: schemas.StrategyChange,
    if_match: IfMatch = None,
) -> schemas.StrategyAnswer:
    """Needs If-Match, so that nobody undoes a change that he has not seen."""
    if if_match is None:
        raise Problem(428, "send the Strategy's ETag as If-Match (or * to replace whatever is there)")
    wanted = _version(if_match)
    async with _audited(request, by, "strategy.update", ".".join(place)):
        for attempt in range(_ATTEMPTS):
            current = await cluster.get(*place)
            _check_version(current, wanted)
            try:
                return _answer(response, await cluster.replace(*place, _changed(current, body)))
            except Problem as problem:
                # The operator may have written the status in between: look again whether anything else changed.
                if problem.status != 409 or attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError("unreachable")


@router.delete(
    "/{strategy_id}",
    operation_id="deleteStrategy",
    status_code=204,
    summary="Delete a Strategy",
    responses=responses(409, 412),
)
async def delete_strategy(
    request: Request, cluster: Cluster, by: Trader, place: Place, if_match: IfMatch = None
) -> None:
    """Its bot stops. Its volume stays, unless the spec says otherwise; its signals stay."""
    wanted = _version(if_match) if if_match is not None else None
    async with _audited(request, by, "strategy.delete", ".".join(place)):
        if wanted is not None:
            _check_version(await cluster.get(*place), wanted)
        await cluster.delete(*place, wanted)


@router.post("/{strategy_id}/start", operation_id="startStrategy", summary="Run: spec.state becomes Running")
async def start_strategy(
    request: Request, response: Response, cluster: Cluster, by: Trader, place: Place
) -> schemas.StrategyAnswer:
    async with _audited(request, by, "strategy.start", ".".join(place)):
        return _answer(response, await cluster.merge(*place, {"spec": {"state": State.RUNNING.value}}))


@router.post("/{strategy_id}/stop", operation_id="stopStrategy", summary="Stop: spec.state becomes Suspended")
async def stop_strategy(
    request: Request, response: Response, cluster: Cluster, by: Trader, place: Place
) -> schemas.StrategyAnswer:
    """No pod; port, data and history stay. Open trades are not looked after while it is stopped."""
    async with _audited(request, by, "strategy.stop", ".".join(place)):
        return _answer(response, await cluster.merge(*place, {"spec": {"state": State.SUSPENDED.value}}))


@router.post("/{strategy_id}/restart", operation_id="restartStrategy", summary="Restart the bot once")
async def restart_strategy(
    request: Request, response: Response, cluster: Cluster, by: Trader, place: Place
) -> schemas.StrategyAnswer:
    """Also takes over a changed config that waits (updateStrategy Manual)."""
    moment = datetime.now(UTC).isoformat(timespec="microseconds")
    async with _audited(request, by, "strategy.restart", ".".join(place)):
        patch = {"metadata": {"annotations": {ANNOTATION_RESTARTED_AT: moment}}}
        return _answer(response, await cluster.merge(*place, patch))


@router.get("/{strategy_id}/health", operation_id="getStrategyHealth", summary="How it is doing: its conditions")
async def get_health(cluster: Cluster, place: Place) -> schemas.StrategyHealth:
    return schemas.health(await cluster.get(*place))


def _answer(response: Response, item: Mapping[str, Any]) -> schemas.StrategyAnswer:
    response.headers["ETag"] = _etag(item)
    return schemas.answer(item)


def _etag(item: Mapping[str, Any]) -> str:
    return f'"{item["metadata"]["resourceVersion"]}"'


def _version(if_match: str) -> str | None:
    """The resource version in an If-Match header; None for any."""
    value = if_match.strip()
    if value == "*":
        return None
    if len(value) < 3 or not (value.startswith('"') and value.endswith('"')) or '"' in value[1:-1]:
        raise Problem(422, 'if-match: one ETag in quotes, such as "4711", or *', [("if-match", "is not one ETag")])
    return value[1:-1]


def _check_version(current: Mapping[str, Any], wanted: str | None) -> None:
    if wanted is not None and current["metadata"]["resourceVersion"] != wanted:
        raise Problem(412, "the Strategy has changed since it was read: read it again")


def _changed(current: Mapping[str, Any], body: schemas.StrategyChange) -> dict[str, Any]:
    metadata = dict(current["metadata"])
    metadata.pop("managedFields", None)
    if body.labels is not None:
        metadata["labels"] = body.labels
    if body.annotations is not None:
        metadata["annotations"] = body.annotations
    return {"apiVersion": API_VERSION, "kind": STRATEGY_KIND, "metadata": metadata, "spec": body.spec}


@contextlib.asynccontextmanager
async def _audited(request: Request, by: Identity, action: str, strategy: str) -> AsyncIterator[None]:
    """Around a change in the cluster: its row in the audit log, which is there if, and only if, the change was made.

    Without the database nothing is changed, for nobody could say afterwards who did it.
    """
    identity = request_id(request.scope)
    async with request.app.state.changing.begin() as connection:
        await audit.record(connection, actor=by.name, action=action, subject=strategy, request_id=identity)
        yield
    _log.info(action, strategy=strategy, by=by.name, request_id=identity)
