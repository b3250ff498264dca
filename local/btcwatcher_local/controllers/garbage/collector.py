"""The edge of the garbage collector: watches every kind, asks the server before it deletes."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import structlog

from btcwatcher_local.client import resources
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.informer import Informer
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.controllers.discovery import discover
from btcwatcher_local.controllers.garbage.graph import FOREGROUND, ORPHAN, Graph, Node, blocking, judge

if TYPE_CHECKING:
    from btcwatcher_local.client.resources import Obj, Resource
    from btcwatcher_local.controllers.context import Context

log = structlog.get_logger(__name__)

_REDISCOVER = 30.0
_SETTLE = 0.2
_SYNC = 20.0
_IGNORED = {"events", "componentstatuses"}


class GarbageCollector:
    """Deletes what has no owner left, finishes foreground and orphan deletions."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._graph = Graph()
        self._informers: dict[Resource, Informer] = {}
        self._kinds: dict[tuple[str, str], Resource] = {}
        self._queue: WorkQueue[str] = WorkQueue("garbage", self.reconcile)
        self._look_again = asyncio.Event()
        self._known = asyncio.Event()
        context.informer(resources.CRDS).listen(lambda _old, _new: self._look_again.set())

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._discover_for_ever())
                # Nothing is judged by half a graph.
                await self._known.wait()
                group.create_task(self._queue.run())
        finally:
            for informer in self._informers.values():
                await informer.stop()

    async def _discover_for_ever(self) -> None:
        while True:
            self._look_again.clear()
            try:
                await self._discover()
                async with asyncio.timeout(_SYNC):
                    for informer in list(self._informers.values()):
                        await informer.wait_synced()
                self._known.set()
            except (ApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("discovery failed", error=str(error))
            try:
                async with asyncio.timeout(_REDISCOVER):
                    await self._look_again.wait()
                # A new CRD is served a moment after its object is written.
                await asyncio.sleep(_SETTLE)
            except TimeoutError:
                pass

    async def _discover(self) -> None:
        served = {item for item in await discover(self._client) if item.plural not in _IGNORED}
        for resource in served - set(self._informers):
            self._kinds[(resource.api_version, resource.kind)] = resource
            informer = Informer(self._client, resource, metadata_only=True)
            informer.listen(partial(self._on_change, resource))
            self._informers[resource] = informer
            informer.start()
        for resource in set(self._informers) - served:
            await self._informers.pop(resource).stop()
            self._kinds.pop((resource.api_version, resource.kind), None)
            for node in self._graph.of_resource(resource):
                self._removed(node.uid)

    def _on_change(self, resource: Resource, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            if old is not None:
                self._removed(resources.uid(old))
            return
        node = Node(resource, new)
        self._graph.put(node)
        if node.owners or node.foreground or node.orphaning:
            self._queue.add(node.uid)
        if node.foreground or node.orphaning:
            return
        if old is not None and resources.deleting(new) and not resources.deleting(old):
            for ref in node.owners:  # an owner in the foreground may wait for this one only
                self._queue.add(ref["uid"])

    def _removed(self, uid: str) -> None:
        node = self._graph.get(uid)
        dependents = self._graph.dependents(uid)
        self._graph.remove(uid)
        for dependent in dependents:
            self._queue.add(dependent.uid)
        for ref in node.owners if node else []:
            self._queue.add(ref["uid"])

    async def reconcile(self, uid: str) -> float | None:
        node = self._graph.get(uid)
        if node is None:
            return None
        if node.orphaning:
            await self._orphan(node)
        elif node.foreground:
            await self._delete_in_foreground(node)
        elif node.owners:
            await self._collect(node)
        return None

    async def _collect(self, cached: Node) -> None:
        known = [self._graph.get(ref["uid"]) for ref in cached.owners]
        if all(owner is not None and not owner.foreground for owner in known):
            return
        # The graph lags behind: what is deleted is decided by the object as it is now.
        live = await self._client.get_or_none(cached.resource, *resources.key(cached.obj))
        if live is None or resources.uid(live) != cached.uid:
            return
        node = Node(cached.resource, live)
        absent, waiting = set(), set()
        for ref in node.owners:
            owner = self._graph.get(ref["uid"])
            if owner is not None:
                if owner.foreground:
                    waiting.add(ref["uid"])
            elif await self._is_absent(node, ref):
                absent.add(ref["uid"])
        verdict = judge(node, absent, waiting, has_dependents=bool(self._graph.dependents(node.uid)))
        key = resources.key(node.obj)
        if verdict.drop:
            await self._drop_references(node, verdict.drop)
        elif verdict.delete:
            log.debug("collecting", kind=node.resource.kind, key=key, propagation=verdict.propagation)
            await self._client.delete(node.resource, *key, uid=node.uid, propagation=verdict.propagation)

    async def _is_absent(self, node: Node, ref: Obj) -> bool:
        """Ask the server: the owner may be newer than our graph, or of a kind just being found."""
        resource = self._kinds.get((ref["apiVersion"], ref["kind"])) or next(
            (
                item
                for item in self._informers
                if item.kind == ref["kind"] and item.group == ref["apiVersion"].rpartition("/")[0]
            ),
            None,
        )
        if resource is None:
            self._look_again.set()
            return False  # an unknown kind proves nothing
        namespace = resources.namespace(node.obj) if resource.namespaced else ""
        if resource.namespaced and not namespace:
            return False  # a cluster-scoped object cannot have a namespaced owner: leave it alone
        owner = await self._client.get_or_none(resource, namespace, ref["name"])
        return owner is None or resources.uid(owner) != ref["uid"]

    async def _delete_in_foreground(self, node: Node) -> None:
        dependents = self._graph.dependents(node.uid)
        for dependent in dependents:
            if not resources.deleting(dependent.obj):
                self._queue.add(dependent.uid)
        if not blocking(dependents, node.uid):
            await self._remove_finalizer(node, FOREGROUND)

    async def _orphan(self, node: Node) -> None:
        """Take the owner's reference off every dependent, by fresh lists: one that is missed would be deleted."""
        namespace = resources.namespace(node.obj)
        for resource in list(self._informers):
            if namespace and not resource.namespaced:
                continue
            for obj in (await self._client.list(resource, namespace))[0]:
                if any(ref["uid"] == node.uid for ref in resources.meta(obj).get("ownerReferences") or []):
                    await self._drop_references(Node(resource, obj), {node.uid})
        await self._remove_finalizer(node, ORPHAN)

    async def _drop_references(self, node: Node, owners: set[str]) -> None:
        current = await self._client.get_or_none(node.resource, *resources.key(node.obj))
        if current is None or resources.uid(current) != node.uid:
            return
        metadata = current["metadata"]
        rest = [ref for ref in metadata.get("ownerReferences") or [] if ref["uid"] not in owners]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "ownerReferences": rest}}
        await self._client.patch(node.resource, *resources.key(node.obj), patch)

    async def _remove_finalizer(self, node: Node, finalizer: str) -> None:
        current = await self._client.get_or_none(node.resource, *resources.key(node.obj))
        if current is None or resources.uid(current) != node.uid:
            return
        metadata = current["metadata"]
        rest = [item for item in metadata.get("finalizers") or [] if item != finalizer]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": rest}}
        await self._client.patch(node.resource, *resources.key(node.obj), patch)
