"""Roles and bindings: what of them is filled in, and what is refused because it could mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import errors
from .builtin import BuiltinBehaviour

if TYPE_CHECKING:
    from ..errors import Cause
    from ..objects import JsonObject

_GROUP = "rbac.authorization.k8s.io"
_SUBJECTS = ("ServiceAccount", "User", "Group")


class RoleBehaviour(BuiltinBehaviour):
    """Role and ClusterRole."""

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        namespaced = obj["kind"] == "Role"
        found: list[Cause] = []
        for index, rule in enumerate(obj.get("rules") or []):
            found += _rule_causes(rule, f"rules[{index}]", namespaced=namespaced)
        return found


def _rule_causes(rule: JsonObject, path: str, *, namespaced: bool) -> list[Cause]:
    found: list[Cause] = []
    if not rule.get("verbs"):
        found.append(errors.required(f"{path}.verbs", "verbs must contain at least one value"))
    if urls := rule.get("nonResourceURLs"):
        at = f"{path}.nonResourceURLs"
        if namespaced:
            found.append(errors.invalid_value(at, urls, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            found.append(errors.invalid_value(at, urls, why))
        return found
    if not rule.get("apiGroups"):
        found.append(errors.required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        found.append(errors.required(f"{path}.resources", "resource rules must supply at least one resource"))
    return found


class BindingBehaviour(BuiltinBehaviour):
    """RoleBinding and ClusterRoleBinding."""

    def default(self, obj: JsonObject) -> None:
        reference = obj.setdefault("roleRef", {})
        if not reference.get("apiGroup"):
            reference["apiGroup"] = _GROUP
        for subject in obj.get("subjects") or []:
            if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
                subject["apiGroup"] = _GROUP

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        reference = obj["roleRef"]
        cluster = obj["kind"] == "ClusterRoleBinding"
        kinds = ("ClusterRole",) if cluster else ("Role", "ClusterRole")
        found: list[Cause] = []
        if reference["apiGroup"] != _GROUP:
            found.append(errors.not_supported("roleRef.apiGroup", reference["apiGroup"], [_GROUP]))
        if reference.get("kind") not in kinds:
            found.append(errors.not_supported("roleRef.kind", reference.get("kind", ""), kinds))
        if not reference.get("name"):
            found.append(errors.required("roleRef.name"))
        for index, subject in enumerate(obj.get("subjects") or []):
            found += _subject_causes(subject, f"subjects[{index}]", cluster=cluster)
        if old is not None and reference != old["roleRef"]:
            shown = {name: reference.get(name[0].lower() + name[1:], "") for name in ("Kind", "Name")}
            value = {"APIGroup": reference["apiGroup"], **shown}
            found.append(errors.invalid_value("roleRef", value, "cannot change roleRef"))
        return found


def _subject_causes(subject: JsonObject, path: str, *, cluster: bool) -> list[Cause]:
    found: list[Cause] = []
    kind = subject.get("kind", "")
    if not subject.get("name"):
        found.append(errors.required(f"{path}.name"))
    if kind not in _SUBJECTS:
        found.append(errors.not_supported(f"{path}.kind", kind, _SUBJECTS))
    elif kind == "ServiceAccount" and cluster and not subject.get("namespace"):
        found.append(errors.required(f"{path}.namespace"))
    return found
