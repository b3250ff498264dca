"""ConfigMap `kube-root-ca.crt` in every namespace: the authority that a pod's clients have to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import CONFIG_MAPS, NAMESPACES, Obj

if TYPE_CHECKING:
    from btcwatcher_local.controllers.context import Context

NAME = "kube-root-ca.crt"
_ANNOTATION = "kubernetes.io/description"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class RootAuthority:
    """One key per namespace; the ConfigMap is put back when it is changed or deleted."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._authority = context.client.connection.authority
        self._namespaces = context.informer(NAMESPACES)
        self._published = context.informer(CONFIG_MAPS, f"metadata.name={NAME}")
        self._queue: WorkQueue[str] = WorkQueue("root authority", self.reconcile, workers=2)
        self._namespaces.listen(self._on_namespace)
        self._published.listen(self._on_published)

    async def run(self) -> None:
        await self._queue.run()

    def _on_namespace(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(resources.name(new))

    def _on_published(self, old: Obj | None, new: Obj | None) -> None:
        self._queue.add(resources.namespace(new or old or {}))

    async def reconcile(self, name: str) -> float | None:
        namespace = self._namespaces.get("", name)
        if namespace is None or resources.deleting(namespace) or not self._authority:
            return None
        found = self._published.get(name, NAME)
        wanted = {"ca.crt": self._authority}
        if found is not None and found.get("data") == wanted:
            return None
        meta = {"name": NAME, "namespace": name, "annotations": {_ANNOTATION: _DESCRIPTION}}
        try:
            if found is None:
                await self._client.create(CONFIG_MAPS, {"metadata": meta, "data": wanted})
            else:
                await self._client.replace(CONFIG_MAPS, {"metadata": meta, "data": wanted})
        except ApiError as error:
            # Made or removed meanwhile, or the namespace is going: the watch tells of it.
            if not (error.already_exists or error.not_found or error.status == 403):
                raise
        return None
