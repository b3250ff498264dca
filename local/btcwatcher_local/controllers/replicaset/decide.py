"""What a ReplicaSet needs next, and what its status says: pure functions of the set and its pods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.resources import REPLICA_SETS, Obj
from btcwatcher_local.controllers.podstate import available_in, finished, ready
from btcwatcher_local.controllers.template import numbered_name, numbered_pod

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


@dataclass(slots=True)
class Decision:
    create: list[Obj] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)


def counts(pod: Obj) -> bool:
    """Whether a pod is one of the replicas: neither over nor going."""
    return not finished(pod) and not resources.deleting(pod)


def decide(replicaset: Obj, pods: Sequence[Obj]) -> Decision:
    """`pods` are all that the set controls. Pods that are over are replaced, and left to be looked at."""
    decision = Decision()
    if resources.deleting(replicaset):
        return decision
    replicas = [pod for pod in pods if counts(pod)]
    missing = int(replicaset["spec"].get("replicas") or 0) - len(replicas)
    if missing < 0:
        decision.delete = sorted(replicas, key=_worth)[:-missing]
    taken = {resources.name(pod) for pod in pods}
    number = 0
    while len(decision.create) < missing:
        if numbered_name(replicaset, number) not in taken:
            decision.create.append(numbered_pod(replicaset, REPLICA_SETS, number))
        number += 1
    return decision


def _worth(pod: Obj) -> tuple[object, ...]:
    """The least goes first when there are too many: unplaced, not running, not ready, cheap, young."""
    status, metadata = pod.get("status") or {}, resources.meta(pod)
    cost = str((metadata.get("annotations") or {}).get(DELETION_COST) or 0)
    since = times.parse((resources.condition(pod, "Ready") or {}).get("lastTransitionTime")) if ready(pod) else None
    created = times.parse(metadata.get("creationTimestamp"))
    restarts = max((int(item.get("restartCount") or 0) for item in status.get("containerStatuses") or []), default=0)
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.get(str(status.get("phase") or "Pending"), 1),
        ready(pod),
        int(cost) if cost.lstrip("+-").isdigit() else 0,
        -since.timestamp() if since else 0.0,
        -restarts,
        -created.timestamp() if created else 0.0,
        resources.name(pod),
    )


def status(replicaset: Obj, pods: Sequence[Obj], now: datetime, failure: str | None = None) -> tuple[Obj, float | None]:
    """The status to show, and the seconds after which time alone changes it.

    `failure` says why pods could not be made. None stands for a field that is left out.
    """
    spec, held = replicaset["spec"], replicaset.get("status") or {}
    replicas = [pod for pod in pods if counts(pod)]
    labels = ((spec["template"].get("metadata") or {}).get("labels") or {}).items()
    waits = [available_in(pod, int(spec.get("minReadySeconds") or 0), now) for pod in replicas]
    shown: Obj = {
        "observedGeneration": resources.meta(replicaset).get("generation") or 0,
        "replicas": len(replicas),
        "fullyLabeledReplicas": sum(labels <= resources.labels(pod).items() for pod in replicas) or None,
        "readyReplicas": sum(ready(pod) for pod in replicas) or None,
        "availableReplicas": sum(left == 0 for left in waits) or None,
    }
    others = [item for item in held.get("conditions") or [] if item["type"] != "ReplicaFailure"]
    if failure is not None:
        before = resources.condition(replicaset, "ReplicaFailure") or {}
        others.append(
            {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": failure,
                "lastTransitionTime": before.get("lastTransitionTime") or times.rfc3339(now),
            }
        )
    shown["conditions"] = others or None
    return shown, min((left for left in waits if left), default=None)
