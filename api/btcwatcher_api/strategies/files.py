"""ConfigMaps with strategy files, for spec.source.configMapRef."""

from typing import Final

from kubernetes.aio import client

from btcwatcher_api.cluster.client import MANAGER, WRITE, Cluster, Object
from btcwatcher_api.cluster.connection import SECONDS
from btcwatcher_api.problems import Problem
from btcwatcher_crds.names import LABEL_MANAGED_BY

_CONFLICT: Final = 409


class Files:
    """Every method raises Problem."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def put(self, namespace: str, name: str, key: str, text: str, *, replace: bool) -> bool:
        """Keep a file under a key of a ConfigMap. False: the file was there and has been replaced.

        Other keys stay. Problem 409: the file is there and `replace` is not wanted, or the ConfigMap is not ours.
        """
        manifest: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace, "labels": {LABEL_MANAGED_BY: MANAGER}},
            "data": {key: text},
        }
        try:
            await self._cluster.call(
                lambda connected: client.CoreV1Api(connected).create_namespaced_config_map(namespace, manifest, **WRITE)
            )
        except Problem as problem:
            if problem.status != _CONFLICT:
                raise
        else:
            return True
        return await self._add(namespace, name, key, text, replace=replace)

    async def _add(self, namespace: str, name: str, key: str, text: str, *, replace: bool) -> bool:
        found = await self._cluster.call(
            lambda connected: client.CoreV1Api(connected).read_namespaced_config_map(
                name, namespace, _request_timeout=SECONDS
            )
        )
        if (found.metadata.labels or {}).get(LABEL_MANAGED_BY) != MANAGER:
            raise Problem(409, f"the ConfigMap {name} was not made here and is left alone: choose another name")
        there = key in (found.data or {})
        if there and not replace:
            raise Problem(409, f"the ConfigMap {name} has a {key} already: send replace=true to change it")
        # Bound to what was read: nobody's change in between is lost.
        patch = {"metadata": {"resourceVersion": found.metadata.resource_version}, "data": {key: text}}
        await self._cluster.call(
            lambda connected: client.CoreV1Api(connected).patch_namespaced_config_map(
                name, namespace, patch, _content_type="application/merge-patch+json", **WRITE
            )
        )
        return not there
