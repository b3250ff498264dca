"""A Deployment's ReplicaSets as its revisions: which one is the present, how they are numbered, which may go. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.client.resources import DEPLOYMENTS, Obj
from btcwatcher_local.controllers.deployment import sizes
from btcwatcher_local.controllers.hashing import short_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
"""Numbers that a ReplicaSet had before it became the newest again."""

_NOT_COPIED = {
    REVISION,
    HISTORY,
    sizes.DESIRED,
    sizes.MOST,
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
}


def number(replicaset: Obj) -> int:
    """The ReplicaSet's revision; 0 when it has none."""
    text = str(_annotations(replicaset).get(REVISION) or "")
    return int(text) if text.isdigit() else 0


def split(deployment: Obj, replicasets: Iterable[Obj]) -> tuple[Obj | None, list[Obj]]:
    """The ReplicaSet of the present template, if there is one, and all others, oldest first."""
    ordered = sorted(replicasets, key=lambda item: (_created(item), resources.name(item)))
    wanted = deployment["spec"]["template"]
    new = next((item for item in ordered if _without_hash(item["spec"]["template"]) == wanted), None)
    return new, [item for item in ordered if item is not new]


def build(deployment: Obj, old: Sequence[Obj], replicas: int) -> Obj:
    """The ReplicaSet of the present template. Its name follows from the template, so it can be made once only."""
    spec = deployment["spec"]
    collisions = (deployment.get("status") or {}).get("collisionCount") or 0
    word = short_hash([spec["template"], collisions])
    template = copy.deepcopy(spec["template"])
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), HASH_LABEL: word}
    selector = copy.deepcopy(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: word}
    return {
        "metadata": {
            "name": f"{resources.name(deployment)}-{word}",
            "namespace": resources.namespace(deployment),
            "labels": metadata["labels"],
            "annotations": {
                **_copied(deployment),
                **sizes.notes(deployment),
                REVISION: str(_next_number(old)),
            },
            "ownerReferences": [resources.owner_reference(deployment, DEPLOYMENTS)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": spec.get("minReadySeconds") or 0,
            "selector": selector,
            "template": template,
        },
    }


def same(deployment: Obj, replicaset: Obj) -> bool:
    """Whether a ReplicaSet found under the name of a new one is just that one."""
    ours = resources.owned_by(replicaset, resources.uid(deployment))
    return ours and bool(_without_hash(replicaset["spec"]["template"]) == deployment["spec"]["template"])


def renewal(deployment: Obj, new: Obj, old: Sequence[Obj]) -> Obj | None:
    """The merge patch that brings the present ReplicaSet's annotations and minReadySeconds up to date."""
    held, wanted = _annotations(new), _copied(deployment)
    if (newest := _next_number(old)) > number(new):
        wanted[REVISION] = str(newest)
        if REVISION in held:  # rolled back to: what it was stays known
            wanted[HISTORY] = ",".join(filter(None, [held.get(HISTORY), held[REVISION]]))
    patch: Obj = {}
    if changed := {key: value for key, value in wanted.items() if held.get(key) != value}:
        patch["metadata"] = {"annotations": changed}
    seconds = deployment["spec"].get("minReadySeconds") or 0
    if seconds != (new["spec"].get("minReadySeconds") or 0):
        patch["spec"] = {"minReadySeconds": seconds}
    return patch or None


def superfluous(deployment: Obj, old: Sequence[Obj]) -> list[Obj]:
    """Old ReplicaSets beyond the history limit that have no pods, nor are about to."""
    limit = deployment["spec"].get("revisionHistoryLimit")
    if limit is None:
        return []
    kept = [item for item in old if not resources.deleting(item)]
    excess = sorted(kept, key=number)[: max(len(kept) - int(limit), 0)]
    return [item for item in excess if _idle(item)]


def _idle(replicaset: Obj) -> bool:
    status = replicaset.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= int(resources.meta(replicaset).get("generation") or 0)
    return seen and not sizes.size(replicaset) and not status.get("replicas")


def _next_number(old: Sequence[Obj]) -> int:
    return max(map(number, old), default=0) + 1


def _annotations(obj: Obj) -> dict[str, str]:
    found: dict[str, str] = resources.meta(obj).get("annotations") or {}
    return found


def _copied(deployment: Obj) -> dict[str, str]:
    return {key: value for key, value in _annotations(deployment).items() if key not in _NOT_COPIED}


def _created(obj: Obj) -> str:
    return str(resources.meta(obj).get("creationTimestamp") or "")


def _without_hash(template: Obj) -> Obj:
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": metadata}
