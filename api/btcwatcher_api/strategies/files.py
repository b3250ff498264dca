"""ConfigMaps with strategy files, for spec.source.configMapRef."""

from typing import Final

from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import MANAGER, Cluster, Object
from btcwatcher_api.problems import Problem
from btcwatcher_crds.names import LABEL_MANAGED_BY

_CONFLICT: Final = 409
_WRITE: Final = {"fieldManager": MANAGER}


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
            where = core.path("namespaces", namespace, "configmaps")
            await self._cluster.call(
                lambda connected: core.request(connected, "POST", where, query=_WRITE, body=manifest)
            )
        except Problem as problem:
            if problem.status != _CONFLICT:
                raise
        else:
            return True
        return await self._add(namespace, name, key, text, replace=replace)

    async def _add(self, namespace: str, name: str, key: str, text: str, *, replace: bool) -> bool:
        where = core.path("namespaces", namespace, "configmaps", name)
        found = await self._cluster.call(lambda connected: core.request(connected, "GET", where))
        if (found["metadata"].get("labels") or {}).get(LABEL_MANAGED_BY) != MANAGER:
            raise Problem(409, f"the ConfigMap {name} was not made here and is left alone: choose another name")
        there = key in (found.get("data") or {})
        if there and not replace:
            raise Problem(409, f"the ConfigMap {name} has a {key} already: send replace=true to change it")
        # Bound to what was read: nobody's change in between is lost.
        patch = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "data": {key: text}}
        await self._cluster.call(
            lambda connected: core.request(connected, "PATCH", where, query=_WRITE, body=patch, content_type=core.MERGE)
        )
        return not there
