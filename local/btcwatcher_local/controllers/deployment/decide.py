"""What a Deployment needs next: a pure function of it, its ReplicaSets and their pods. One step at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.controllers.deployment import conditions as rules
from btcwatcher_local.controllers.deployment import revisions, sizes
from btcwatcher_local.controllers.podstate import finished

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from btcwatcher_local.client.resources import Obj


@dataclass(slots=True)
class Decision:
    """What to write, in the order of the fields."""

    revision: str | None = None
    """The number that the Deployment's annotation gets."""
    create: Obj | None = None
    renew: tuple[Obj, Obj] | None = None
    """The present ReplicaSet and a merge patch for it."""
    scale: list[tuple[Obj, int]] = field(default_factory=list)
    status: Obj = field(default_factory=dict)
    delete: list[Obj] = field(default_factory=list)
    again_after: float | None = None
    """Seconds until the roll-out is late."""


def decide(deployment: Obj, replicasets: Sequence[Obj], pods: Collection[Obj], now: datetime) -> Decision:
    """`replicasets` are those that the Deployment controls, `pods` those of all of them."""
    decision = Decision()
    new, old = revisions.split(deployment, replicasets)
    shown = rules.Conditions(deployment, now)
    counts = rules.counts(deployment, new, old)
    rules.judge_availability(deployment, counts, shown)
    if not resources.deleting(deployment):
        rules.judge_pause(deployment, shown)
        _number(deployment, new, old, decision)
        if deployment["spec"].get("paused"):
            decision.scale = sizes.scale(deployment, new, old)
            decision.delete = revisions.superfluous(deployment, old)
        elif sizes.scaled_by_somebody(deployment, replicasets):
            decision.scale = sizes.scale(deployment, new, old)
        else:
            _roll_out(deployment, new, old, pods, decision)
            decision.again_after = _progress(deployment, new, old, counts, shown, now, decision)
            if rules.complete(deployment, counts):
                decision.delete = revisions.superfluous(deployment, old)
    decision.scale = [change for change in decision.scale if _differs(deployment, *change)]
    decision.status = {**counts, "conditions": shown.items}
    return decision


def _number(deployment: Obj, new: Obj | None, old: Sequence[Obj], decision: Decision) -> None:
    """Keep the revision numbers: of the present ReplicaSet, and of the Deployment after it."""
    if new is None:
        return
    revision = resources.meta(new).get("annotations", {}).get(revisions.REVISION)
    if (patch := revisions.renewal(deployment, new, old)) is not None:
        decision.renew = (new, patch)
        revision = ((patch.get("metadata") or {}).get("annotations") or {}).get(revisions.REVISION, revision)
    if revision != (resources.meta(deployment).get("annotations") or {}).get(revisions.REVISION):
        decision.revision = revision


def _roll_out(deployment: Obj, new: Obj | None, old: Sequence[Obj], pods: Collection[Obj], decision: Decision) -> None:
    if not sizes.rolling(deployment):
        decision.scale = [(item, 0) for item in old if sizes.size(item)]
        if decision.scale or _any_left(old, pods):
            return
    if new is None:
        decision.create = revisions.build(deployment, old, sizes.first_size(deployment, old))
        decision.revision = decision.create["metadata"]["annotations"][revisions.REVISION]
    elif sizes.rolling(deployment):
        decision.scale = sizes.roll(deployment, new, old)
    else:
        decision.scale = [(new, sizes.wanted(deployment))]


def _any_left(old: Sequence[Obj], pods: Collection[Obj]) -> bool:
    """Whether a pod of an old ReplicaSet may still run, one that is going included."""
    uids = {resources.uid(item) for item in old}
    return any((resources.controller_of(pod) or {}).get("uid") in uids and not finished(pod) for pod in pods)


def _progress(
    deployment: Obj,
    new: Obj | None,
    old: Sequence[Obj],
    counts: Obj,
    shown: rules.Conditions,
    now: datetime,
    decision: Decision,
) -> float | None:
    if decision.create is not None and rules.deadline(deployment) is not None:
        text = f'Created new replica set "{resources.name(decision.create)}"'
        shown.set(rules.PROGRESSING, "True", rules.CREATED, text, touch=True)
    left = rules.judge_progress(deployment, counts, new, shown, now)
    rules.judge_failures(new, old, shown)
    return left


def _differs(deployment: Obj, replicaset: Obj, count: int) -> bool:
    """Whether a ReplicaSet has another size, or notes another one of the Deployment."""
    held = resources.meta(replicaset).get("annotations") or {}
    return sizes.size(replicaset) != count or not sizes.notes(deployment).items() <= held.items()
