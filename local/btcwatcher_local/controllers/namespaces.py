"""Namespaces: a `default` ServiceAccount in each, and emptying one that is being deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import NAMESPACES, SERVICE_ACCOUNTS, Obj
from btcwatcher_local.controllers.discovery import discover

if TYPE_CHECKING:
    from btcwatcher_local.controllers.context import Context

_FINALIZER = "kubernetes"
_LOOK_AGAIN = 0.5


class NamespaceController:
    """Level-triggered, one key per namespace."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._namespaces = context.informer(NAMESPACES)
        self._accounts = context.informer(SERVICE_ACCOUNTS)
        self._queue: WorkQueue[str] = WorkQueue("namespace", self.reconcile, workers=2)
        self._namespaces.listen(self._on_namespace)
        self._accounts.listen(self._on_account)

    async def run(self) -> None:
        await self._queue.run()

    def _on_namespace(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(resources.name(new))

    def _on_account(self, old: Obj | None, new: Obj | None) -> None:
        if new is None and old is not None and resources.name(old) == "default":
            self._queue.add(resources.namespace(old))

    async def reconcile(self, name: str) -> float | None:
        namespace = self._namespaces.get("", name)
        if namespace is None:
            return None
        if resources.deleting(namespace):
            return await self._empty(namespace)
        if self._accounts.get(name, "default") is None:
            try:
                account = {"metadata": {"name": "default", "namespace": name}}
                await self._client.create(SERVICE_ACCOUNTS, account)
            except ApiError as error:
                if not (error.already_exists or error.not_found or error.status == 403):
                    raise
        return None

    async def _empty(self, namespace: Obj) -> float | None:
        """Delete everything in it; when nothing is left, take the `kubernetes` finalizer off."""
        name = resources.name(namespace)
        current = await self._client.get_or_none(NAMESPACES, "", name)
        if current is None or resources.uid(current) != resources.uid(namespace):
            return None
        finalizers = current["spec"].get("finalizers") or []
        if _FINALIZER not in finalizers:
            return None
        left = 0
        for resource in await discover(self._client):
            if not resource.namespaced:
                continue
            try:
                items, _ = await self._client.list(resource, name)
            except ApiError as error:
                if error.status in (404, 405):
                    continue
                raise
            left += len(items)
            for item in items:
                if not resources.deleting(item):
                    await self._client.delete(resource, name, resources.name(item), propagation="Background")
        if left:
            return _LOOK_AGAIN
        current["spec"]["finalizers"] = [item for item in finalizers if item != _FINALIZER]
        try:
            await self._client.replace(NAMESPACES, current, subresource="finalize")
        except ApiError as error:
            if not error.not_found:
                raise
        return None
