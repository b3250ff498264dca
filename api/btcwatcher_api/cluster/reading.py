"""What one request, or a few pages, tell of the whole cluster: nodes and pods, and the operator's FleetCapacity."""

from typing import Final

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.capacity import Object, Picture, picture
from btcwatcher_api.cluster.connection import SECONDS
from btcwatcher_crds.names import FLEET_CAPACITY_NAME, FLEET_CAPACITY_PLURAL, GROUP, VERSION

_NOT_FOUND: Final = 404
_RUNNING_ONES: Final = "status.phase!=Succeeded,status.phase!=Failed"


async def machines(connected: client.ApiClient) -> Picture:
    """Nodes and the pods on them. Raises what the client does."""
    nodes = [node async for node in core.listed(connected, core.path("nodes"))]
    pods = [pod async for pod in core.listed(connected, core.path("pods"), fieldSelector=_RUNNING_ONES)]
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
