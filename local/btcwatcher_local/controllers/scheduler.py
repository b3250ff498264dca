"""Binds pending pods to nodes, and says on the pod and in an Event why one cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import NORMAL, WARNING
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import NODES, PODS, PVCS, Key, Obj
from btcwatcher_local.controllers.placement import place, pod_requests

if TYPE_CHECKING:
    from decimal import Decimal

    from btcwatcher_local.controllers.context import Context

NAME = "default-scheduler"
_RETRY = 60.0


class Scheduler:
    """One pod at a time, so that two never count on the same room."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder.named("default-scheduler")
        self._pods = context.informer(PODS)
        self._nodes = context.informer(NODES)
        self._claims = context.informer(PVCS)
        self._queue: WorkQueue[Key] = WorkQueue("scheduler", self.reconcile, workers=1)
        self._bound: dict[Key, Obj] = {}
        """Pods bound by us that the cache does not show as bound yet."""
        self._requests: dict[str, dict[str, Decimal]] = {}
        self._pods.listen(self._on_pod)
        self._nodes.listen(self._on_node)
        self._claims.listen(self._on_claim)

    async def run(self) -> None:
        await self._queue.run()

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and _pending(new):
            self._queue.add(resources.key(new))
            return
        obj = new if new is not None else old
        if new is None and old is not None:
            self._requests.pop(resources.uid(old), None)
        if obj is not None:
            self._bound.pop(resources.key(obj), None)
        if new is None or (new.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self._retry_all()  # room has become free

    def _on_node(self, old: Obj | None, new: Obj | None) -> None:
        if old is None or new is None or _sight(old) != _sight(new):
            self._retry_all()

    def _on_claim(self, old: Obj | None, new: Obj | None) -> None:
        obj = new if new is not None else old
        if obj is not None:
            self._retry_all(resources.namespace(obj))

    def _retry_all(self, namespace: str | None = None) -> None:
        for pod in self._pods.items(namespace):
            if _pending(pod):
                self._queue.add(resources.key(pod))

    async def reconcile(self, key: Key) -> float | None:
        pod = self._pods.get(*key)
        if pod is None or not _pending(pod) or key in self._bound:
            return None
        placed = [other for other in self._pods.items() if other["spec"].get("nodeName")]
        claims = {resources.name(claim): claim for claim in self._claims.items(key[0])}
        found = place(pod, list(self._nodes.items()), [*placed, *self._bound.values()], claims, self._requests_of)
        if not found.node:
            await self._tell(pod, found.message)
            return _RETRY
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": key[1], "namespace": key[0], "uid": resources.uid(pod)},
            "target": {"apiVersion": "v1", "kind": "Node", "name": found.node},
        }
        try:
            await self._client.create_subresource(PODS, *key, "binding", binding)
        except ApiError as error:
            if error.not_found or error.conflict:
                return None
            raise
        current = self._pods.get(*key)
        if current is not None and not current["spec"].get("nodeName"):
            self._bound[key] = {**pod, "spec": {**pod["spec"], "nodeName": found.node}}
        text = f"Successfully assigned {key[0]}/{key[1]} to {found.node}"
        self._recorder.emit(pod, PODS, NORMAL, "Scheduled", text)
        return None

    def _requests_of(self, pod: Obj) -> dict[str, Decimal]:
        """What a pod reserves, reckoned once: with a thousand pods the sums would cost seconds."""
        held = self._requests.get(resources.uid(pod))
        if held is None:
            held = self._requests[resources.uid(pod)] = pod_requests(pod)
        return held

    async def _tell(self, pod: Obj, message: str) -> None:
        held = resources.condition(pod, "PodScheduled")
        if held is not None and held.get("status") == "False" and held.get("message") == message:
            return
        self._recorder.emit(pod, PODS, WARNING, "FailedScheduling", message)
        others = [item for item in (pod.get("status") or {}).get("conditions") or [] if item["type"] != "PodScheduled"]
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastProbeTime": None,
            "lastTransitionTime": times.rfc3339(times.now()),
        }
        patch = {"metadata": {"uid": resources.uid(pod)}, "status": {"conditions": [*others, condition]}}
        try:
            await self._client.patch(PODS, *resources.key(pod), patch, subresource="status")
        except ApiError as error:
            if not error.not_found:
                raise


def _pending(pod: Obj) -> bool:
    return (
        not pod["spec"].get("nodeName")
        and not resources.deleting(pod)
        and pod["spec"].get("schedulerName", NAME) == NAME
        and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        and not pod["spec"].get("schedulingGates")
    )


def _sight(node: Obj) -> tuple[object, ...]:
    """What of a node matters for placing."""
    status = node.get("status") or {}
    return (
        node["spec"].get("unschedulable"),
        node["spec"].get("taints"),
        resources.labels(node),
        status.get("allocatable"),
        resources.condition_true(node, "Ready"),
    )
