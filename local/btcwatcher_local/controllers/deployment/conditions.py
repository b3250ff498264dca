"""A Deployment's status: counts, Available, Progressing and ReplicaFailure. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.controllers.deployment import sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from btcwatcher_local.client.resources import Obj

AVAILABLE = "Available"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"

CREATED = "NewReplicaSetCreated"
FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
COMPLETE = "NewReplicaSetAvailable"
LATE = "ProgressDeadlineExceeded"
NOT_CREATED = "ReplicaSetCreateError"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"

_NO_DEADLINE = 2**31 - 1


class Conditions:
    """The condition list on its way from what is shown to what will be."""

    def __init__(self, deployment: Obj, now: datetime) -> None:
        self.items: list[Obj] = list((deployment.get("status") or {}).get("conditions") or [])
        self._now = times.rfc3339(now)

    def get(self, kind: str) -> Obj | None:
        return next((item for item in self.items if item["type"] == kind), None)

    def set(self, kind: str, status: str, reason: str, message: str, *, touch: bool = False) -> None:
        """`touch` says that the same reason holds anew: the deadline of progress counts from here."""
        held = self.get(kind)
        if held is not None and not touch and (held["status"], held.get("reason")) == (status, reason):
            return
        changed = held is None or held["status"] != status
        made = {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastUpdateTime": self._now,
            "lastTransitionTime": self._now if changed or held is None else held["lastTransitionTime"],
        }
        self.items = [item for item in self.items if item["type"] != kind] + [made]

    def drop(self, kind: str) -> None:
        self.items = [item for item in self.items if item["type"] != kind]


def counts(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> Obj:
    """The numbers; None stands for a field that is left out."""
    every = [*old, new] if new is not None else list(old)
    available = _sum(every, "availableReplicas")
    return {
        "observedGeneration": resources.meta(deployment).get("generation") or 0,
        "replicas": _sum(every, "replicas") or None,
        "updatedReplicas": (_sum([new], "replicas") if new is not None else 0) or None,
        "readyReplicas": _sum(every, "readyReplicas") or None,
        "availableReplicas": available or None,
        "unavailableReplicas": max(sum(map(sizes.size, every)) - available, 0) or None,
    }


def _sum(replicasets: Sequence[Obj], field: str) -> int:
    return sum(int((item.get("status") or {}).get(field) or 0) for item in replicasets)


def judge_availability(deployment: Obj, status: Obj, conditions: Conditions) -> None:
    if (status["availableReplicas"] or 0) >= sizes.wanted(deployment) - sizes.bounds(deployment)[1]:
        conditions.set(AVAILABLE, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        message = "Deployment does not have minimum availability."
        conditions.set(AVAILABLE, "False", "MinimumReplicasUnavailable", message)


def judge_pause(deployment: Obj, conditions: Conditions) -> None:
    """Paused time does not count against the deadline."""
    held = conditions.get(PROGRESSING)
    if deadline(deployment) is None or (held is not None and held.get("reason") == LATE):
        return
    was = held is not None and held.get("reason") == PAUSED
    if deployment["spec"].get("paused") and not was:
        conditions.set(PROGRESSING, "Unknown", PAUSED, "Deployment is paused")
    elif was and not deployment["spec"].get("paused"):
        conditions.set(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed")


def judge_progress(
    deployment: Obj, status: Obj, new: Obj | None, conditions: Conditions, now: datetime
) -> float | None:
    """Say how the roll-out goes; the seconds after which it will be late."""
    seconds = deadline(deployment)
    if seconds is None:
        conditions.drop(PROGRESSING)
        return None
    if new is not None and conditions.get(PROGRESSING) is None:
        conditions.set(PROGRESSING, "True", FOUND, f'Found new replica set "{resources.name(new)}"')
    held = conditions.get(PROGRESSING)
    reason = held.get("reason") if held is not None else None
    if reason == COMPLETE and status["replicas"] == status["updatedReplicas"]:
        return None  # done long ago: pods that come and go are no roll-out
    what = f'ReplicaSet "{resources.name(new)}"' if new is not None else f'Deployment "{resources.name(deployment)}"'
    if complete(deployment, status):
        conditions.set(PROGRESSING, "True", COMPLETE, f"{what} has successfully progressed.")
    elif _progressed(deployment.get("status") or {}, status):
        conditions.set(PROGRESSING, "True", UPDATED, f"{what} is progressing.", touch=True)
        return float(seconds)
    elif held is not None and reason not in (COMPLETE, LATE, PAUSED):
        since = times.parse(held.get("lastUpdateTime")) or now
        left = (since + timedelta(seconds=seconds) - now).total_seconds()
        if left >= 0:
            return left + 0.1  # late is what lies after the deadline
        conditions.set(PROGRESSING, "False", LATE, f"{what} has timed out progressing.")
    return None


def judge_failures(new: Obj | None, old: Sequence[Obj], conditions: Conditions) -> None:
    """A ReplicaSet that cannot make its pods: the new one's trouble, else an old one's."""
    for item in ([new] if new is not None else []) + list(old):
        found = resources.condition(item, REPLICA_FAILURE)
        if found is not None and found.get("status") == "True":
            conditions.set(REPLICA_FAILURE, "True", str(found.get("reason")), str(found.get("message")))
            return
    conditions.drop(REPLICA_FAILURE)


def deadline(deployment: Obj) -> int | None:
    """Seconds a roll-out may stand still; None for ever."""
    value = deployment["spec"].get("progressDeadlineSeconds")
    return int(value) if value is not None and value != _NO_DEADLINE else None


def complete(deployment: Obj, status: Obj) -> bool:
    fields = ("replicas", "updatedReplicas", "availableReplicas")
    return all((status[field] or 0) == sizes.wanted(deployment) for field in fields)


def _progressed(before: Obj, status: Obj) -> bool:
    """Whether more is new, ready or available, or less is old, than what was shown."""

    def old(counted: Obj) -> int:
        return int(counted.get("replicas") or 0) - int(counted.get("updatedReplicas") or 0)

    fields = ("updatedReplicas", "readyReplicas", "availableReplicas")
    more = any((status[field] or 0) > int(before.get(field) or 0) for field in fields)
    return more or old(status) < old(before)
