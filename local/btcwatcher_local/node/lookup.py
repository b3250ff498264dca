"""Reads what pods refer to: from the caches, or straight from the server when a cache may lag behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.informer import Informer
from btcwatcher_local.node.tokens import TokenCache
from btcwatcher_local.node.volumes import VolumeError

if TYPE_CHECKING:
    from btcwatcher_local.client.http import Client
    from btcwatcher_local.client.resources import Obj, Resource


class ClusterLookup:
    """Secrets, ConfigMaps, claims and volumes of the whole cluster; a miss is asked of the server.

    A pod can reach the agent before the Secret it was made with, for every kind has a watch of its own.
    """

    def __init__(self, client: Client, renew_after: float) -> None:
        self._client = client
        self.tokens = TokenCache(client, renew_after)
        self.informers = {
            resource.plural: Informer(client, resource)
            for resource in (resources.SECRETS, resources.CONFIG_MAPS, resources.PVCS, resources.PVS)
        }

    async def _find(self, resource: Resource, namespace: str, name: str) -> Obj | None:
        held = self.informers[resource.plural].get(namespace, name)
        return held if held is not None else await self._client.get_or_none(resource, namespace, name)

    async def secret(self, namespace: str, name: str) -> Obj | None:
        return await self._find(resources.SECRETS, namespace, name)

    async def config_map(self, namespace: str, name: str) -> Obj | None:
        return await self._find(resources.CONFIG_MAPS, namespace, name)

    async def claim(self, namespace: str, name: str) -> Obj | None:
        return await self._find(resources.PVCS, namespace, name)

    async def persistent_volume(self, name: str) -> Obj | None:
        return await self._find(resources.PVS, "", name)

    async def service_account_token(self, pod: Obj, source: Obj) -> str:
        try:
            return await self.tokens.get(pod, source)
        except ApiError as error:
            raise VolumeError(f"failed to fetch token: {error.message}") from error


def references(pod: Obj) -> set[tuple[str, str]]:
    """(plural, name) of every Secret, ConfigMap and claim the pod names, to know whom a change concerns."""
    found: set[tuple[str, str]] = set()
    spec = pod.get("spec") or {}
    for volume in spec.get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        for source in sources:
            if secret := source.get("secret"):
                found.add(("secrets", secret.get("secretName") or secret.get("name")))
            if config_map := source.get("configMap"):
                found.add(("configmaps", config_map["name"]))
        if claim := volume.get("persistentVolumeClaim"):
            found.add(("persistentvolumeclaims", claim["claimName"]))
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for source in container.get("envFrom") or []:
            if secret := source.get("secretRef"):
                found.add(("secrets", secret["name"]))
            if config_map := source.get("configMapRef"):
                found.add(("configmaps", config_map["name"]))
        for entry in container.get("env") or []:
            value_from = entry.get("valueFrom") or {}
            if secret := value_from.get("secretKeyRef"):
                found.add(("secrets", secret["name"]))
            if config_map := value_from.get("configMapKeyRef"):
                found.add(("configmaps", config_map["name"]))
    return found
