"""Revisions of a StatefulSet's pod template, kept as ControllerRevision objects. Pure."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.client.resources import STATEFUL_SETS, Obj
from btcwatcher_local.controllers.hashing import short_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

REVISION_LABEL = "controller-revision-hash"
_DEFAULT_HISTORY = 10


@dataclass(slots=True)
class RevisionPlan:
    """Which revision is the update, and what must be written for it."""

    update: Obj
    create: Obj | None = None
    renumber: int | None = None
    """The revision number that an old revision, wanted again, gets."""
    delete: list[Obj] = field(default_factory=list)


def revision_data(statefulset: Obj) -> Obj:
    """The patch a ControllerRevision keeps, in the form `kubectl rollout undo` applies."""
    template = copy.deepcopy(statefulset["spec"]["template"])
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def template_of(revision: Obj) -> Obj:
    """The pod template a revision stands for."""
    template: Obj = copy.deepcopy(revision["data"]["spec"]["template"])
    template.pop("$patch", None)
    return template


def plan(statefulset: Obj, held: Sequence[Obj], used: Collection[str]) -> RevisionPlan:
    """Find or make the revision of the present template; old ones beyond the history limit go.

    `used` are names of revisions that pods or the status still name; those stay.
    """
    data = revision_data(statefulset)
    ordered = sorted(held, key=lambda item: (int(item.get("revision") or 0), resources.name(item)))
    newest = int(ordered[-1].get("revision") or 0) if ordered else 0
    made: RevisionPlan | None = None
    for revision in reversed(ordered):
        if revision.get("data") == data:
            renumber = newest + 1 if int(revision.get("revision") or 0) < newest else None
            made = RevisionPlan(revision, renumber=renumber)
            break
    if made is None:
        fresh = _new(statefulset, data, newest + 1)
        made = RevisionPlan(fresh, create=fresh)
    limit = statefulset["spec"].get("revisionHistoryLimit")
    idle = [
        item
        for item in ordered
        if resources.name(item) not in used and resources.name(item) != resources.name(made.update)
    ]
    excess = len(idle) - int(_DEFAULT_HISTORY if limit is None else limit)
    made.delete = idle[: max(excess, 0)]
    return made


def _new(statefulset: Obj, data: Obj, number: int) -> Obj:
    collisions = (statefulset.get("status") or {}).get("collisionCount") or 0
    word = short_hash([data, collisions])
    labels = dict((statefulset["spec"].get("selector") or {}).get("matchLabels") or {})
    return {
        "metadata": {
            "name": f"{resources.name(statefulset)}-{word}",
            "namespace": resources.namespace(statefulset),
            "labels": {**labels, REVISION_LABEL: f"{resources.name(statefulset)}-{word}"},
            "ownerReferences": [resources.owner_reference(statefulset, STATEFUL_SETS)],
        },
        "data": data,
        "revision": number,
    }
