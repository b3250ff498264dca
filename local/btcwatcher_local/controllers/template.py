"""Pods from the pod template of their owner. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.controllers.hashing import short_hash

if TYPE_CHECKING:
    from btcwatcher_local.client.resources import Obj, Resource

_LONGEST_PREFIX = 57  # with "-" and five letters, a name is a DNS label


def numbered_name(owner: Obj, number: int) -> str:
    """A pod's name, the same for the same owner and number: a late cache can never make two pods for one."""
    return f"{resources.name(owner)[:_LONGEST_PREFIX]}-{short_hash([resources.uid(owner), number], 5)}"


def numbered_pod(owner: Obj, resource: Resource, number: int, labels: dict[str, str] | None = None) -> Obj:
    """The owner's pod of that number; `labels` come on top of the template's."""
    template = copy.deepcopy(owner["spec"]["template"])
    metadata = template.get("metadata") or {}
    made: Obj = {
        "metadata": {
            "name": numbered_name(owner, number),
            "namespace": resources.namespace(owner),
            "labels": {**(metadata.get("labels") or {}), **(labels or {})},
            "ownerReferences": [resources.owner_reference(owner, resource)],
        },
        "spec": template["spec"],
    }
    for field in ("annotations", "finalizers"):
        if metadata.get(field):
            made["metadata"][field] = metadata[field]
    return made
