"""`/api/v1/proxies/...`"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from btcwatcher_api.access import Trader, viewer
from btcwatcher_api.changes import IfMatch, audited, create, delete, put_etag, replace
from btcwatcher_api.cluster.client import CustomResources
from btcwatcher_api.cluster.places import check_served, place
from btcwatcher_api.declared import NamespaceQuery, page_of
from btcwatcher_api.guard import check_public
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.proxies import schemas
from btcwatcher_api.strategies.access import Known
from btcwatcher_crds.names import ANNOTATION_TEST_REQUESTED_AT, PROXY_KIND, PROXY_PLURAL
from btcwatcher_crds.proxy import ProxyTest

router = APIRouter(
    prefix="/api/v1/proxies",
    tags=["proxies"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 403, 404, 422, 500, 502, 503),
)

_LOOK_SECONDS: Final = 0.25
_MOST_SECONDS: Final = 25.0
"""A test may take a minute; nobody's request waits that long."""
_GRACE_SECONDS: Final = 3.0


async def _proxies(request: Request) -> CustomResources:
    return CustomResources(request.app.state.cluster, PROXY_PLURAL)


ProxyId = Annotated[str, Path(max_length=127, description="<namespace>.<name>", examples=["trading.tokyo"])]


async def _place(request: Request, proxy_id: ProxyId) -> tuple[str, str]:
    return place(request, "proxy_id", PROXY_KIND, proxy_id)


Proxies = Annotated[CustomResources, Depends(_proxies)]
Place = Annotated[tuple[str, str], Depends(_place)]


@router.get("", include_in_schema=False)
@router.get("/", operation_id="listProxies", summary="List Proxies by id")
async def list_proxies(
    proxies: Proxies,
    known: Known,
    namespace: NamespaceQuery = None,
    after: Annotated[str | None, Query(max_length=127, description="`next` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> schemas.ProxyPage:
    strategies = known.items()
    scopes = known.scopes if namespace is None else [namespace] if known.serves(namespace) else []
    found = [item for scope in scopes for item in await proxies.list(scope)]
    page, following = page_of([schemas.answer(item, strategies) for item in found], after, limit)
    return schemas.ProxyPage(items=page, total=len(found), next=following)


@router.post("", include_in_schema=False, status_code=201)
@router.post(
    "/", operation_id="createProxy", status_code=201, summary="Make a Proxy", responses=responses(400, 409, 413)
)
async def create_proxy(
    request: Request, response: Response, proxies: Proxies, known: Known, by: Trader, body: schemas.NewProxy
) -> schemas.ProxyAnswer:
    check_served(request, body.namespace)
    await _check_test(request, body.spec)
    made = await create(request, response, proxies, by, PROXY_KIND, body, router.prefix)
    return schemas.answer(made, known.items())


@router.get("/{proxy_id}", operation_id="getProxy", summary="One Proxy")
async def get_proxy(response: Response, proxies: Proxies, known: Known, place: Place) -> schemas.ProxyAnswer:
    item = await proxies.get(*place)
    put_etag(response, item)
    return schemas.answer(item, known.items())


@router.put(
    "/{proxy_id}",
    operation_id="updateProxy",
    summary="Replace a Proxy's spec",
    responses=responses(400, 409, 412, 413, 428),
)
async def update_proxy(
    request: Request,
    response: Response,
    proxies: Proxies,
    known: Known,
    by: Trader,
    place: Place,
    body: schemas.ProxyChange,
    if_match: IfMatch = None,
) -> schemas.ProxyAnswer:
    """Needs If-Match, so that nobody undoes a change that he has not seen."""
    await _check_test(request, body.spec)
    async with audited(request, by, "proxy.update", ".".join(place)):
        item = await replace(proxies, place, if_match, body.model_dump())
    put_etag(response, item)
    return schemas.answer(item, known.items())


@router.delete(
    "/{proxy_id}",
    operation_id="deleteProxy",
    status_code=204,
    summary="Delete a Proxy that no Strategy names",
    responses=responses(409, 412),
)
async def delete_proxy(
    request: Request,
    proxies: Proxies,
    known: Known,
    by: Trader,
    place: Place,
    force: Annotated[bool, Query(description="Also one that Strategies name")] = False,
    if_match: IfMatch = None,
) -> None:
    users = schemas.users(*place, known.items())
    if users and not force:
        raise Problem(409, f"it is named by {', '.join(users[:5])}: change those first, or send force=true")
    async with audited(request, by, "proxy.delete", ".".join(place)):
        await delete(proxies, place, if_match)


@router.post(
    "/{proxy_id}/test",
    operation_id="testProxy",
    summary="Have a Proxy tested now",
    responses={202: {"model": schemas.ProxyHealth, "description": "Asked for, and not done yet: look again later"}},
)
async def test_proxy(
    request: Request, response: Response, proxies: Proxies, by: Trader, place: Place
) -> schemas.ProxyHealth:
    """Asks, by an annotation, whoever tests Proxies and alone may read their URLs, and waits for what is found."""
    moment = datetime.now(UTC).isoformat(timespec="microseconds")
    async with audited(request, by, "proxy.test", ".".join(place)):
        item = await proxies.merge(*place, {"metadata": {"annotations": {ANNOTATION_TEST_REQUESTED_AT: moment}}})
    found = before = schemas.health(item)
    ends = asyncio.get_running_loop().time() + min(_MOST_SECONDS, _timeout(item) + _GRACE_SECONDS)
    while asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(_LOOK_SECONDS)
        found = schemas.health(await proxies.get(*place))
        if found.last_check is not None and found.last_check != before.last_check:
            return found
    response.status_code = 202
    return found


def _timeout(item: Mapping[str, Any]) -> float:
    said = ((item.get("spec") or {}).get("test") or {}).get("timeoutSeconds")
    return float(said) if isinstance(said, int) else float(ProxyTest().timeout_seconds)


async def _check_test(request: Request, spec: Mapping[str, Any]) -> None:
    """The test URL must be one of the internet; what is no URL at all is left to Kubernetes' own words."""
    test = spec.get("test")
    url = test.get("url") if isinstance(test, Mapping) else None
    if isinstance(url, str) and url.startswith(("http://", "https://")):
        await check_public("spec.test.url", url, allow_private=request.app.state.settings.allow_private_urls)
