"""What a StatefulSet needs next: a pure function of the set, its pods and its revisions.

The rules are upstream's: ordinals in order under OrderedReady, all at once under Parallel; scale down and updates
from the highest ordinal; an ordinal's pod is made only when no pod of that name is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.controllers.podstate import available_in, finished, ready
from btcwatcher_local.controllers.statefulset import pods as pod_rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from btcwatcher_local.client.resources import Obj


@dataclass(slots=True)
class Decision:
    """Ordinals to create (with the name of the revision), pods to delete, and the status to show."""

    create: list[tuple[int, str]] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)
    status: Obj = field(default_factory=dict)
    again_after: float | None = None
    """Seconds until time alone changes the outcome (minReadySeconds)."""


def replicas_wanted(statefulset: Obj) -> int:
    value = statefulset["spec"].get("replicas")
    return 1 if value is None else int(value)


def first_ordinal(statefulset: Obj) -> int:
    return int((statefulset["spec"].get("ordinals") or {}).get("start") or 0)


def decide(statefulset: Obj, pods: Sequence[Obj], current: str, update: str, now: datetime) -> Decision:
    """`pods` are those the set controls; `current` and `update` name the revisions rolled from and to."""
    spec = statefulset["spec"]
    start, count = first_ordinal(statefulset), replicas_wanted(statefulset)
    monotonic = (spec.get("podManagementPolicy") or "OrderedReady") == "OrderedReady"
    by_ordinal = {number: pod for pod in pods if (number := pod_rules.ordinal(statefulset, pod)) is not None}
    decision = Decision()
    if not resources.deleting(statefulset):
        _act(statefulset, by_ordinal, current, update, monotonic, decision, now)
    decision.status = _status(statefulset, by_ordinal, current, update, now, decision)
    _complete_update(statefulset, decision.status, count, start)
    return decision


def _act(
    statefulset: Obj,
    by_ordinal: dict[int, Obj],
    current: str,
    update: str,
    monotonic: bool,
    decision: Decision,
    now: datetime,
) -> None:
    start, count = first_ordinal(statefulset), replicas_wanted(statefulset)
    wanted = range(start, start + count)
    for number in wanted:
        pod = by_ordinal.get(number)
        if pod is None:
            decision.create.append((number, _revision_for(statefulset, number, current, update)))
            if monotonic:
                return
        elif finished(pod) and not resources.deleting(pod):
            decision.delete.append(pod)
            if monotonic:
                return
        elif monotonic and (resources.deleting(pod) or not _available(statefulset, pod, now, decision)):
            return
    condemned = sorted((number for number in by_ordinal if number not in wanted), reverse=True)
    for number in condemned:
        pod = by_ordinal[number]
        if not resources.deleting(pod):
            decision.delete.append(pod)
        if monotonic:
            return
    if condemned or decision.create or decision.delete:
        return
    _roll(statefulset, by_ordinal, update, wanted, decision, now)


def _roll(
    statefulset: Obj,
    by_ordinal: dict[int, Obj],
    update: str,
    wanted: range,
    decision: Decision,
    now: datetime,
) -> None:
    strategy = statefulset["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return
    lowest = max(wanted.start, int((strategy.get("rollingUpdate") or {}).get("partition") or 0))
    for number in reversed(wanted):
        if number < lowest:
            return
        pod = by_ordinal[number]
        if pod_rules.revision_of(pod) != update:
            # A pod of the old revision is replaced whether it is ready or not: it may never become so.
            if not resources.deleting(pod):
                decision.delete.append(pod)
            return
        if resources.deleting(pod) or not _available(statefulset, pod, now, decision):
            return


def _revision_for(statefulset: Obj, number: int, current: str, update: str) -> str:
    strategy = statefulset["spec"].get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    return current if strategy.get("type") != "OnDelete" and number < partition else update


def _available(statefulset: Obj, pod: Obj, now: datetime, decision: Decision) -> bool:
    left = available_in(pod, int(statefulset["spec"].get("minReadySeconds") or 0), now)
    if left:
        decision.again_after = left if decision.again_after is None else min(left, decision.again_after)
    return left == 0


def _status(
    statefulset: Obj,
    by_ordinal: dict[int, Obj],
    current: str,
    update: str,
    now: datetime,
    decision: Decision,
) -> Obj:
    held = statefulset.get("status") or {}
    pods = list(by_ordinal.values())
    live = [pod for pod in pods if not resources.deleting(pod)]
    return {
        "observedGeneration": resources.meta(statefulset).get("generation") or 0,
        "replicas": len(pods),
        "readyReplicas": sum(ready(pod) for pod in pods),
        "availableReplicas": sum(_available(statefulset, pod, now, decision) for pod in pods),
        "currentReplicas": sum(pod_rules.revision_of(pod) == current for pod in live),
        "updatedReplicas": sum(pod_rules.revision_of(pod) == update for pod in live),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": held.get("collisionCount") or 0,
    }


def _complete_update(statefulset: Obj, status: Obj, count: int, start: int) -> None:
    """Once all pods are of the new revision and ready, it is the current one."""
    strategy = statefulset["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return
    if int((strategy.get("rollingUpdate") or {}).get("partition") or 0) > start:
        return
    if status["updatedReplicas"] == status["replicas"] == status["readyReplicas"] == count:
        status["currentReplicas"] = status["updatedReplicas"]
        status["currentRevision"] = status["updateRevision"]
