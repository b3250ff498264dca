"""`/api/v1/fleet/switches/...`"""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from btcwatcher_api.access import Trader, viewer
from btcwatcher_api.changes import audited
from btcwatcher_api.cluster.places import check_served, place
from btcwatcher_api.declared import NamespaceQuery, page_of
from btcwatcher_api.fleet import schemas
from btcwatcher_api.fleet.resources import Switches
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.strategies.access import Known
from btcwatcher_crds.names import CLUSTER_FLEET_SWITCH_KIND, FLEET_SWITCH_KIND

router = APIRouter(
    prefix="/api/v1/fleet/switches",
    tags=["fleet"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 403, 404, 422, 500, 502, 503),
)

_REQUESTED_BY_MAX: Final = 253


async def _switches(request: Request) -> Switches:
    return Switches(request.app.state.cluster)


SwitchId = Annotated[
    str, Path(max_length=127, description="<namespace>.<name>, or the name alone", examples=["trading.halt"])
]


async def _place(request: Request, switch_id: SwitchId) -> tuple[str, str]:
    """Namespace and name; the namespace is empty of one that reaches all."""
    if "." in switch_id:
        return place(request, "switch_id", FLEET_SWITCH_KIND, switch_id)
    _check_whole(request, 404)
    # It ends up in a path of Kubernetes' API: nothing but a name may.
    if not (switch_id.isascii() and switch_id.replace("-", "").isalnum()):
        raise Problem(404, f"there is no such {CLUSTER_FLEET_SWITCH_KIND}")
    return "", switch_id


All = Annotated[Switches, Depends(_switches)]
Place = Annotated[tuple[str, str], Depends(_place)]


@router.get("", include_in_schema=False)
@router.get("/", operation_id="listFleetSwitches", summary="List fleet switches by id")
async def list_switches(
    switches: All,
    known: Known,
    namespace: NamespaceQuery = None,
    after: Annotated[str | None, Query(max_length=127, description="`next` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> schemas.SwitchPage:
    """Without `namespace` those that reach all namespaces as well."""
    scopes = known.scopes if namespace is None else [namespace] if known.serves(namespace) else []
    found = [item for scope in scopes for item in await switches.list(scope)]
    if namespace is None and None in known.scopes:
        found += await switches.list("")
    page, following = page_of([schemas.answer(item) for item in found], after, limit)
    return schemas.SwitchPage(items=page, total=len(found), next=following)


@router.post("", include_in_schema=False, status_code=201)
@router.post(
    "/",
    operation_id="createFleetSwitch",
    status_code=201,
    summary="Pause entries, stop, close all trades or resume, for a selection of bots",
    responses=responses(400, 409, 413),
)
async def create_switch(
    request: Request, response: Response, switches: All, by: Trader, body: schemas.NewSwitch
) -> schemas.SwitchDetail:
    """The operator carries it out; read it again to see what came of it at each bot."""
    if body.namespace is None:
        _check_whole(request, 403)
    else:
        check_served(request, body.namespace)
    namespace, name = body.namespace or "", body.name or _name(body.spec.get("action"))
    spec = {**body.spec, "requestedBy": by.name[:_REQUESTED_BY_MAX]}
    identifier = schemas.id_of(namespace, name)
    kind = FLEET_SWITCH_KIND if namespace else CLUSTER_FLEET_SWITCH_KIND
    async with audited(request, by, f"{kind.lower()}.create", identifier, spec=spec):
        made = await switches.create(namespace, name, spec)
    response.headers["Location"] = f"{router.prefix}/{identifier}"
    return schemas.detail(made)


@router.get("/{switch_id}", operation_id="getFleetSwitch", summary="One fleet switch with a result for each bot")
async def get_switch(switches: All, place: Place) -> schemas.SwitchDetail:
    return schemas.detail(await switches.get(*place))


@router.delete(
    "/{switch_id}",
    operation_id="liftFleetSwitch",
    status_code=204,
    summary="Lift a fleet switch: bots that it held go on as their Strategies say",
)
async def lift_switch(request: Request, switches: All, by: Trader, place: Place) -> None:
    kind = FLEET_SWITCH_KIND if place[0] else CLUSTER_FLEET_SWITCH_KIND
    async with audited(request, by, f"{kind.lower()}.delete", schemas.id_of(*place)):
        await switches.delete(*place)


def _check_whole(request: Request, status: int) -> None:
    """Raises Problem unless this API looks after all namespaces."""
    if request.app.state.settings.namespace_set:
        raise Problem(status, "this API looks after some namespaces only: name one, for a switch of its own")


def _name(action: object) -> str:
    word = action.lower() if isinstance(action, str) and action.isascii() and action.isalpha() else "switch"
    return f"{word[:20]}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
