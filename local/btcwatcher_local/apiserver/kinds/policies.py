"""Autoscalers, disruption budgets, network and admission policies, priority classes.

Charts bring them, nothing here acts on them. They are filled in, checked and shown as a cluster does, so that a chart's
mistakes are seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import errors
from .builtin import BuiltinBehaviour

if TYPE_CHECKING:
    from ..context import Api
    from ..errors import Cause
    from ..objects import JsonObject
    from ..resources import Resource


class AutoscalerBehaviour(BuiltinBehaviour):
    """HorizontalPodAutoscaler (autoscaling/v2)."""

    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("minReplicas", 1)
        if not spec.get("metrics"):
            target = {"type": "Utilization", "averageUtilization": 80}
            spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
        if (behavior := spec.get("behavior")) is not None:
            percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
            up = behavior.setdefault("scaleUp", {})
            up.setdefault("stabilizationWindowSeconds", 0)
            for rules, policies in (
                (up, [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent]),
                (behavior.setdefault("scaleDown", {}), [percent]),
            ):
                rules.setdefault("selectPolicy", "Max")
                rules.setdefault("policies", policies)

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"desiredReplicas": 0, "currentMetrics": None}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        spec, found = obj["spec"], []
        most, target = spec.get("maxReplicas") or 0, spec.get("scaleTargetRef") or {}
        if most < 1:
            found.append(errors.required("spec.maxReplicas", "must be set and greater than 0"))
        if most < spec["minReplicas"]:
            found.append(
                errors.invalid_value("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
            )
        found += [errors.required(f"spec.scaleTargetRef.{name}") for name in ("kind", "name") if not target.get(name)]
        if "/" not in target.get("apiVersion", ""):
            detail = "apiVersion must specify API group"
            found.append(errors.invalid_value("spec.scaleTargetRef.apiVersion", target.get("apiVersion", ""), detail))
        return found


class DisruptionBudgetBehaviour(BuiltinBehaviour):
    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        spec = obj.get("spec") or {}
        if "minAvailable" in spec and "maxUnavailable" in spec:
            return [errors.invalid_value("spec", spec, "minAvailable and maxUnavailable cannot be both set")]
        return []


class NetworkPolicyBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
            for port in rule.get("ports") or []:
                port.setdefault("protocol", "TCP")
        if not spec.get("policyTypes"):
            spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


class PriorityClassBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        obj.setdefault("preemptionPolicy", "PreemptLowerPriority")

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        fixed = ("value", "preemptionPolicy")
        changed = [name for name in fixed if old is not None and obj.get(name) != old.get(name)]
        return [errors.forbidden_value(name, "may not be changed in an update.") for name in changed]


class AdmissionPolicyBehaviour(BuiltinBehaviour):
    """ValidatingAdmissionPolicy: its expressions are neither checked nor evaluated."""

    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("failurePolicy", "Fail")
        if spec.get("matchConstraints") is not None:
            _default_match(spec["matchConstraints"])

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        spec = obj["spec"]
        found = [] if spec.get("matchConstraints") else [errors.required("spec.matchConstraints")]
        if not spec.get("validations") and not spec.get("auditAnnotations"):
            detail = "validations or auditAnnotations must contain at least one item"
            found.append(errors.required("spec.validations", detail))
        return found


class AdmissionBindingBehaviour(BuiltinBehaviour):
    """ValidatingAdmissionPolicyBinding."""

    def default(self, obj: JsonObject) -> None:
        if (obj.get("spec") or {}).get("matchResources") is not None:
            _default_match(obj["spec"]["matchResources"])

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        spec = obj.get("spec") or {}
        return [errors.required(f"spec.{name}") for name in ("policyName", "validationActions") if not spec.get(name)]


def _default_match(match: Any) -> None:
    match.setdefault("matchPolicy", "Equivalent")
    match.setdefault("namespaceSelector", {})
    match.setdefault("objectSelector", {})
    for rule in [*(match.get("resourceRules") or []), *(match.get("excludeResourceRules") or [])]:
        rule.setdefault("scope", "*")
