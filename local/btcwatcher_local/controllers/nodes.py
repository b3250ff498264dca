"""Node lifecycle: taints that follow readiness, and `Unknown` when a node's heartbeats stop.

Pods of a lost node are never evicted: a StatefulSet's pod stays where it is until somebody knows that it is dead.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import LEASES, NODES, Obj

if TYPE_CHECKING:
    from btcwatcher_local.controllers.context import Context

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
LEASE_NAMESPACE = "kube-node-lease"

_GRACE = timedelta(seconds=50)
_LOOK = 10.0


def ready_status(node: Obj) -> str:
    """`True`, `False` or `Unknown`."""
    return str((resources.condition(node, "Ready") or {}).get("status") or "Unknown")


def taints_wanted(node: Obj, now: datetime) -> list[Obj]:
    """The node's taints with those of readiness set right; foreign ones are kept as they are."""
    held = node["spec"].get("taints") or []
    others = [taint for taint in held if taint["key"] not in (NOT_READY, UNREACHABLE)]
    key = {"True": "", "False": NOT_READY}.get(ready_status(node), UNREACHABLE)
    if not key:
        return others
    same = [taint for taint in held if taint["key"] == key and taint["effect"] == "NoSchedule"]
    return others + (same or [{"key": key, "effect": "NoSchedule", "timeAdded": times.rfc3339(now)}])


def lost(node: Obj, lease: Obj | None, now: datetime) -> bool:
    """Whether the heartbeats have stopped: no renewed Lease and no fresh status for 50 s."""
    beats = [
        times.parse(((lease or {}).get("spec") or {}).get("renewTime")),
        times.parse((resources.condition(node, "Ready") or {}).get("lastHeartbeatTime")),
        times.parse(resources.meta(node).get("creationTimestamp")),
    ]
    return all(now - beat > _GRACE for beat in beats if beat is not None)


def unknown_conditions(node: Obj, now: datetime) -> list[Obj]:
    """The node's conditions, all Unknown, as they show when it is lost."""
    stamp = times.rfc3339(now)
    return [
        {
            **item,
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
            "lastTransitionTime": stamp,
        }
        for item in (node.get("status") or {}).get("conditions") or []
    ]


class NodeController:
    """One key per node, looked at on every change and every ten seconds."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._nodes = context.informer(NODES)
        self._leases = context.informer(LEASES)
        self._queue: WorkQueue[str] = WorkQueue("node", self.reconcile, workers=1)
        self._nodes.listen(self._on_node)

    async def run(self) -> None:
        await self._queue.run()

    def _on_node(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(resources.name(new))

    async def reconcile(self, name: str) -> float | None:
        node = self._nodes.get("", name)
        if node is None:
            return None
        now = times.now()
        lease = self._leases.get(LEASE_NAMESPACE, name)
        if ready_status(node) != "Unknown" and lost(node, lease, now):
            status = {"status": {"conditions": unknown_conditions(node, now)}}
            node = await self._client.patch(NODES, "", name, status, subresource="status")
        wanted = taints_wanted(node, now)
        if wanted != (node["spec"].get("taints") or []):
            version = resources.meta(node)["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "spec": {"taints": wanted or None}}
            await self._client.patch(NODES, "", name, patch)
        return _LOOK
