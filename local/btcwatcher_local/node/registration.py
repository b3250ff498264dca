"""Registers the Node and keeps it alive: a Lease every few seconds, the status every few minutes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import structlog

from btcwatcher_local.client import times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.resources import LEASES, NAMESPACES, NODES
from btcwatcher_local.node.machine import node_object, node_status

if TYPE_CHECKING:
    from btcwatcher_local.client.http import Client
    from btcwatcher_local.node.settings import NodeSettings

log = structlog.get_logger(__name__)

_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40
_STATUS_EVERY = 300.0


class Registration:
    """Writes Node and Lease of one agent."""

    def __init__(self, client: Client, settings: NodeSettings, port: int) -> None:
        self._client = client
        self._settings = settings
        self._port = port
        self._since = times.now()
        self._node_uid = ""

    async def register(self) -> None:
        """Create the Node, or take over the one of that name, and say Ready."""
        node = await self._client.get_or_none(NODES, "", self._settings.node_name)
        wanted = node_object(self._settings)
        if node is None:
            node = await self._client.create(NODES, wanted)
        else:
            labels = {"metadata": {"labels": wanted["metadata"]["labels"]}}
            node = await self._client.patch(NODES, "", self._settings.node_name, labels)
        self._node_uid = node["metadata"]["uid"]
        await self.say(ready=True)

    async def say(self, *, ready: bool) -> None:
        """Write the Node's status."""
        if not ready:
            self._since = times.now()
        status = node_status(self._settings, self._port, self._since, times.now(), ready=ready)
        name = self._settings.node_name
        await self._client.patch(NODES, "", name, {"status": status}, subresource="status")

    async def run(self) -> None:
        """Beat until cancelled; register again when the Node was deleted."""
        loop = asyncio.get_running_loop()
        said = loop.time()
        while True:
            try:
                await self._renew()
                if loop.time() - said > _STATUS_EVERY:
                    await self.say(ready=True)
                    said = loop.time()
                elif await self._client.get_or_none(NODES, "", self._settings.node_name) is None:
                    log.warning("the node was deleted, registering it again", node=self._settings.node_name)
                    await self.register()
            except (ApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("heartbeat failed", node=self._settings.node_name, error=str(error))
            await asyncio.sleep(self._settings.heartbeat)

    async def _renew(self) -> None:
        name = self._settings.node_name
        renewed = {"spec": {"renewTime": times.rfc3339_micro(times.now())}}
        try:
            await self._client.patch(LEASES, _LEASE_NAMESPACE, name, renewed)
            return
        except ApiError as error:
            if not error.not_found:
                raise
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": self._node_uid}
        lease = {
            "metadata": {"namespace": _LEASE_NAMESPACE, "name": name, "ownerReferences": [owner]},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": _LEASE_SECONDS, **renewed["spec"]},
        }
        try:
            await self._client.create(LEASES, lease)
        except ApiError as error:
            if not error.not_found:
                raise
            await self._client.create(NAMESPACES, {"metadata": {"name": _LEASE_NAMESPACE}})
            await self._client.create(LEASES, lease)
