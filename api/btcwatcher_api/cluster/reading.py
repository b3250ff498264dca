"""What one request, or a few pages, tell of the whole cluster: nodes and pods, and the operator's FleetCapacity."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import aiohttp
import msgspec
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api.cluster.capacity import Object, Picture, picture
from btcwatcher_api.cluster.connection import SECONDS
from btcwatcher_crds.names import FLEET_CAPACITY_NAME, FLEET_CAPACITY_PLURAL, GROUP, VERSION

_PAGE: Final = 500
_NOT_FOUND: Final = 404
_RUNNING_ONES: Final = "status.phase!=Succeeded,status.phase!=Failed"


async def machines(connected: client.ApiClient) -> Picture:
    """Nodes and the pods on them. Raises what the client does."""
    api = client.CoreV1Api(connected)
    nodes = [node async for node in _listed(api.list_node_without_preload_content)]
    pods = [
        pod
        async for pod in _listed(api.list_pod_for_all_namespaces_without_preload_content, field_selector=_RUNNING_ONES)
    ]
    return picture(nodes, pods)


async def fleet_capacity(connected: client.ApiClient) -> Object | None:
    """The one FleetCapacity; None where there is none, or no such kind. Raises what the client does."""
    try:
        found: Object = await client.CustomObjectsApi(connected).get_cluster_custom_object(
            GROUP, VERSION, FLEET_CAPACITY_PLURAL, FLEET_CAPACITY_NAME, _request_timeout=SECONDS
        )
    except ApiException as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    return found


async def _listed(ask: Callable[..., Awaitable[aiohttp.ClientResponse]], **options: Any) -> AsyncIterator[Object]:
    """All pages, decoded as they are: the client's models cost twenty times as much."""
    token: str | None = None
    while True:
        more = {"_continue": token} if token else {}
        answer = await ask(limit=_PAGE, _request_timeout=SECONDS, **options, **more)
        body = await answer.read()
        if answer.status >= 400:
            error = ApiException(status=answer.status, reason=answer.reason)
            error.body = body.decode(errors="replace")
            raise error
        page = msgspec.json.decode(body)
        for item in page.get("items") or ():
            yield item
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return
