"""The pod of an ordinal, its claims, and how pods of a set are told. Pure."""

from __future__ import annotations

import copy
import re

from btcwatcher_local.client import resources
from btcwatcher_local.client.resources import STATEFUL_SETS, Obj
from btcwatcher_local.controllers.statefulset.revisions import REVISION_LABEL, template_of

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"

_ORDINAL = re.compile(r"^(.*)-(0|[1-9][0-9]*)$")


def ordinal(statefulset: Obj, pod: Obj) -> int | None:
    """The pod's number within the set, None when its name is not of the set."""
    found = _ORDINAL.match(resources.name(pod))
    return int(found[2]) if found and found[1] == resources.name(statefulset) else None


def revision_of(pod: Obj) -> str:
    return resources.labels(pod).get(REVISION_LABEL, "")


def claim_name(statefulset: Obj, template: Obj, number: int) -> str:
    return f"{template['metadata']['name']}-{resources.name(statefulset)}-{number}"


def claims(statefulset: Obj, number: int) -> list[Obj]:
    """The PersistentVolumeClaims of an ordinal: without owner, so that they outlive the pod and the set."""
    made = []
    for template in statefulset["spec"].get("volumeClaimTemplates") or []:
        claim = copy.deepcopy(template)
        metadata = claim.setdefault("metadata", {})
        labels = (statefulset["spec"].get("selector") or {}).get("matchLabels") or {}
        claim["metadata"] = {
            "name": claim_name(statefulset, template, number),
            "namespace": resources.namespace(statefulset),
            "labels": {**(metadata.get("labels") or {}), **labels},
            "annotations": metadata.get("annotations") or {},
        }
        claim.pop("status", None)
        made.append(claim)
    return made


def build(statefulset: Obj, revision: Obj, number: int) -> Obj:
    """The pod of ordinal `number` at a revision."""
    template = template_of(revision)
    metadata = template.get("metadata") or {}
    name = f"{resources.name(statefulset)}-{number}"
    spec = template["spec"]
    spec["hostname"] = name
    if service := statefulset["spec"].get("serviceName"):
        spec["subdomain"] = service
    if templates := statefulset["spec"].get("volumeClaimTemplates"):
        own = {item["metadata"]["name"] for item in templates}
        spec["volumes"] = [item for item in spec.get("volumes") or [] if item["name"] not in own] + [
            {
                "name": item["metadata"]["name"],
                "persistentVolumeClaim": {"claimName": claim_name(statefulset, item, number)},
            }
            for item in templates
        ]
    made: Obj = {
        "metadata": {
            "name": name,
            "namespace": resources.namespace(statefulset),
            "labels": {
                **(metadata.get("labels") or {}),
                REVISION_LABEL: resources.name(revision),
                POD_NAME_LABEL: name,
                POD_INDEX_LABEL: str(number),
            },
            "ownerReferences": [resources.owner_reference(statefulset, STATEFUL_SETS)],
        },
        "spec": spec,
    }
    if annotations := metadata.get("annotations"):
        made["metadata"]["annotations"] = annotations
    if finalizers := metadata.get("finalizers"):
        made["metadata"]["finalizers"] = finalizers
    return made
