"""Fleet switches of both kinds through Kubernetes' API; the namespace of one of the whole cluster is empty."""

from functools import partial
from typing import Any, Final

from kubernetes.aio import client

from btcwatcher_api.cluster.client import STRICT, Cluster, CustomResources, Object
from btcwatcher_api.cluster.connection import SECONDS
from btcwatcher_crds.names import (
    API_VERSION,
    CLUSTER_FLEET_SWITCH_KIND,
    CLUSTER_FLEET_SWITCH_PLURAL,
    FLEET_SWITCH_KIND,
    FLEET_SWITCH_PLURAL,
    GROUP,
    VERSION,
)

_CLUSTER: Final = (GROUP, VERSION, CLUSTER_FLEET_SWITCH_PLURAL)


class Switches:
    """Every method raises Problem."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._own = CustomResources(cluster, FLEET_SWITCH_PLURAL)
        self._of_all = CustomResources(cluster, CLUSTER_FLEET_SWITCH_PLURAL)

    async def list(self, namespace: str | None) -> list[Object]:
        """Those of a namespace, of all namespaces (None) or of the cluster ("")."""
        return await (self._of_all.list() if namespace == "" else self._own.list(namespace))

    async def get(self, namespace: str, name: str) -> Object:
        if namespace:
            return await self._own.get(namespace, name)
        return await self._call(lambda api: api.get_cluster_custom_object(*_CLUSTER, name, _request_timeout=SECONDS))

    async def create(self, namespace: str, name: str, spec: Object) -> Object:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        kind = FLEET_SWITCH_KIND if namespace else CLUSTER_FLEET_SWITCH_KIND
        manifest = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        if namespace:
            return await self._own.create(namespace, manifest)
        return await self._call(lambda api: api.create_cluster_custom_object(*_CLUSTER, manifest, **STRICT))

    async def delete(self, namespace: str, name: str) -> None:
        if namespace:
            await self._own.delete(namespace, name, None)
            return
        await self._call(
            lambda api: api.delete_cluster_custom_object(
                *_CLUSTER, name, body={"propagationPolicy": "Background"}, _request_timeout=SECONDS
            )
        )

    async def _call(self, work: Any) -> Object:
        return await self._cluster.call(partial(_with, work))


async def _with(work: Any, connected: client.ApiClient) -> Object:
    found: Object = await work(client.CustomObjectsApi(connected))
    return found
