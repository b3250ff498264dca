"""Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import errors, objects
from ..access import pod_admission
from . import podspec
from .builtin import BuiltinBehaviour

if TYPE_CHECKING:
    from ..context import Api
    from ..errors import Cause
    from ..objects import JsonObject
    from ..resources import Resource

_CLASSES = ("Guaranteed", "Burstable", "BestEffort")
_MUTABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)


class PodBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        podspec.default_spec(spec)
        spec.setdefault("enableServiceLinks", True)

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        if api.account_admission:
            pod_admission.admit(api, resource, obj)
        obj["status"] = {"phase": "Pending", "qosClass": _quality(obj["spec"])}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        if old is None:
            return podspec.causes(obj.get("spec"), "spec")
        if _fixed(obj["spec"]) != _fixed(old["spec"]):
            detail = f"pod updates may not change fields other than {_MUTABLE}"
            return [errors.forbidden_value("spec", detail)]
        return []


def _fixed(spec: JsonObject) -> JsonObject:
    """The part of a pod's spec that cannot change."""
    free = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
    out = {k: v for k, v in spec.items() if k not in free}
    for field in ("containers", "initContainers"):
        if field in out:
            out[field] = [{k: v for k, v in c.items() if k not in ("image", "resources")} for c in out[field]]
    return out


def _quality(spec: JsonObject) -> str:
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    asked = [c.get("resources") or {} for c in containers]
    if not any(r.get("requests") or r.get("limits") for r in asked):
        return _CLASSES[2]
    full = all(
        {"cpu", "memory"} <= set(r.get("limits") or {}) and (r.get("requests") or r["limits"]) == r["limits"]
        for r in asked
    )
    return _CLASSES[0] if full else _CLASSES[1]


def bind(obj: JsonObject, node: str) -> None:
    """What a Binding does to its pod, in place."""
    obj["spec"]["nodeName"] = node
    conditions = obj.setdefault("status", {}).setdefault("conditions", [])
    if not any(c.get("type") == "PodScheduled" for c in conditions):
        conditions.append(
            {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": objects.now()}
        )
