"""How many pods each ReplicaSet of a Deployment may have: rolling update, recreation and scaling. Pure.

The rules are upstream's. A change is (ReplicaSet, replicas).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from btcwatcher_local.client import resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from btcwatcher_local.client.resources import Obj

    Change = tuple[Obj, int]

DESIRED = "deployment.kubernetes.io/desired-replicas"
"""The Deployment's replicas when the ReplicaSet was last sized; another number now means that somebody scaled."""

MOST = "deployment.kubernetes.io/max-replicas"
"""The same with maxSurge: the whole of which a ReplicaSet's share is kept when the Deployment is scaled."""


def wanted(deployment: Obj) -> int:
    value = deployment["spec"].get("replicas")
    return 1 if value is None else int(value)


def size(replicaset: Obj) -> int:
    return int(replicaset["spec"].get("replicas") or 0)


def rolling(deployment: Obj) -> bool:
    return bool((deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")


def bounds(deployment: Obj) -> tuple[int, int]:
    """How many pods above (maxSurge) and below (maxUnavailable) the wanted number a roll-out may go."""
    if not rolling(deployment):
        return 0, 0
    rules, replicas = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}, wanted(deployment)
    surge = _share(rules.get("maxSurge", "25%"), replicas, math.ceil)
    unavailable = _share(rules.get("maxUnavailable", "25%"), replicas, math.floor)
    if surge == unavailable == 0:
        unavailable = 1  # else nothing could ever move
    return surge, min(unavailable, replicas)


def _share(value: Any, replicas: int, rounded: Any) -> int:
    text = str(value)
    return int(rounded(int(text[:-1]) * replicas / 100)) if text.endswith("%") else int(text)


def notes(deployment: Obj) -> dict[str, str]:
    """What a ReplicaSet notes about the Deployment whenever it is sized."""
    return {DESIRED: str(wanted(deployment)), MOST: str(wanted(deployment) + bounds(deployment)[0])}


def noted(replicaset: Obj, annotation: str) -> int | None:
    text = str((resources.meta(replicaset).get("annotations") or {}).get(annotation) or "")
    return int(text) if text.isdigit() else None


def scaled_by_somebody(deployment: Obj, replicasets: Iterable[Obj]) -> bool:
    """Whether spec.replicas changed since the ReplicaSets were sized."""
    return any(
        size(item) and (before := noted(item, DESIRED)) is not None and before != wanted(deployment)
        for item in replicasets
    )


def first_size(deployment: Obj, old: Sequence[Obj]) -> int:
    """Of a ReplicaSet that is about to be made."""
    return _grown(deployment, 0, sum(map(size, old))) if rolling(deployment) else wanted(deployment)


def _grown(deployment: Obj, own: int, total: int) -> int:
    """Of the newest ReplicaSet, which has `own` pods of `total`."""
    room = wanted(deployment) + bounds(deployment)[0] - total
    return own + max(min(room, wanted(deployment) - own), 0)


def roll(deployment: Obj, new: Obj, old: Sequence[Obj]) -> list[Change]:
    """The next step of a rolling update: the new one grows within maxSurge, else old ones shrink."""
    if size(new) > wanted(deployment):
        return [(new, wanted(deployment))]
    grown = _grown(deployment, size(new), sum(map(size, old)) + size(new))
    return [(new, grown)] if grown != size(new) else _shrink(deployment, new, old)


def _shrink(deployment: Obj, new: Obj, old: Sequence[Obj]) -> list[Change]:
    """Old pods that are not available go first: they serve nobody, and could block the roll-out."""
    least = wanted(deployment) - bounds(deployment)[1]
    spare = sum(map(size, old)) + size(new) - least - (size(new) - _available(new))
    left = [size(item) for item in old]
    for index, item in enumerate(old):
        gone = max(min(spare, size(item) - _available(item)), 0)
        left[index] -= gone
        spare -= gone
    for index in range(len(old)):
        gone = max(min(spare, left[index]), 0)
        left[index] -= gone
        spare -= gone
    return [(item, count) for item, count in zip(old, left, strict=True) if count != size(item)]


def _available(replicaset: Obj) -> int:
    """Available pods, without those that are about to go: the status may lag behind a new size."""
    return min(int((replicaset.get("status") or {}).get("availableReplicas") or 0), size(replicaset))


def scale(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> list[Change]:
    """The sizes after somebody scaled, or while paused. In the middle of a roll-out each ReplicaSet keeps its share:
    all new pods in the newest one would be a risk when it does not work.
    """
    every = [*old, new] if new is not None else list(old)
    active = [item for item in every if size(item)]
    if len(active) <= 1:
        one = active[0] if active else new or (old[-1] if old else None)
        return [(one, wanted(deployment))] if one is not None else []
    if new is not None and _saturated(deployment, new):
        return [(item, 0) for item in active if item is not new]
    return _proportions(deployment, active) if rolling(deployment) else []


def _saturated(deployment: Obj, new: Obj) -> bool:
    return noted(new, DESIRED) == size(new) == _available(new) == wanted(deployment)


def _proportions(deployment: Obj, active: Sequence[Obj]) -> list[Change]:
    most = wanted(deployment) + bounds(deployment)[0] if wanted(deployment) else 0
    change = most - sum(map(size, active))
    # Newest first when growing, oldest first when shrinking, among those of one size.
    ordered = sorted(reversed(active) if change > 0 else active, key=lambda item: -size(item))
    counts, left = [], change
    for item in ordered:
        share = _fraction(deployment, item, most) - size(item)
        taken = min(max(share, 0), left) if change > 0 else max(min(share, 0), left)
        counts.append(size(item) + taken)
        left -= taken
    counts[0] = max(counts[0] + left, 0)
    return list(zip(ordered, counts, strict=True))


def _fraction(deployment: Obj, replicaset: Obj, most: int) -> int:
    before = noted(replicaset, MOST) or int((deployment.get("status") or {}).get("replicas") or 0)
    return math.floor(size(replicaset) * most / before + 0.5) if before else size(replicaset)
