"""StatefulSet, Deployment, ReplicaSet, DaemonSet, Job and CronJob."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import errors
from ..names import label_causes
from . import podspec
from .builtin import BuiltinBehaviour

if TYPE_CHECKING:
    from ..context import Api
    from ..errors import Cause
    from ..objects import JsonObject
    from ..resources import Resource

_STATEFULSET_MUTABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_STATEFULSET_WORDS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


_PERCENT_WORDS = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def default_template(spec: JsonObject) -> None:
    template = spec.setdefault("template", {})
    podspec.default_spec(template.setdefault("spec", {}))


def matches(selector: JsonObject, labels: JsonObject) -> bool:
    """Whether a LabelSelector selects labels."""
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for term in selector.get("matchExpressions") or []:
        key, values = term.get("key", ""), term.get("values") or []
        held = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not held.get(term.get("operator", ""), False):
            return False
    return True


def template_causes(spec: JsonObject, *, policies: tuple[str, ...] = ("Always",)) -> list[Cause]:
    """Selector and pod template of a workload."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    found: list[Cause] = []
    if not selector:
        found.append(errors.required("spec.selector"))
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        detail = "empty selector is invalid for this resource"
        found.append(errors.invalid_value("spec.selector", selector, detail))
    elif not matches(selector, labels):
        detail = "`selector` does not match template `labels`"
        found.append(errors.invalid_value("spec.template.metadata.labels", labels, detail))
    found += label_causes(labels, "spec.template.metadata.labels")
    return found + podspec.causes(template.get("spec"), "spec.template.spec", policies=policies)


class StatefulSetBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        default_template(spec)
        spec.setdefault("replicas", 1)
        spec.setdefault("podManagementPolicy", "OrderedReady")
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("serviceName", "")
        strategy = spec.setdefault("updateStrategy", {})
        strategy.setdefault("type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
        policy = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
        policy.setdefault("whenDeleted", "Retain")
        policy.setdefault("whenScaled", "Retain")
        for claim in spec.get("volumeClaimTemplates") or []:
            claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
            claim.setdefault("status", {}).setdefault("phase", "Pending")
            claim.setdefault("apiVersion", "v1")
            claim.setdefault("kind", "PersistentVolumeClaim")

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"replicas": 0, "availableReplicas": 0}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        spec = obj["spec"]
        found = _changed_statefulset(spec, old["spec"]) if old else []
        if spec["replicas"] < 0:
            found.append(errors.invalid_value("spec.replicas", spec["replicas"], "must be greater than or equal to 0"))
        return found + _with_claims(spec)


def _with_claims(spec: JsonObject) -> list[Cause]:
    """Claims of a StatefulSet are volumes of its pods, though the template does not list them."""
    claims = [{"name": c.get("metadata", {}).get("name", "")} for c in spec.get("volumeClaimTemplates") or []]
    if not claims:
        return template_causes(spec)
    template = dict(spec["template"])
    named = {c["name"] for c in claims}
    volumes = [v for v in template["spec"].get("volumes") or [] if v.get("name") not in named]
    template["spec"] = {**template["spec"], "volumes": [*volumes, *claims]}
    return template_causes({**spec, "template": template})


def _changed_statefulset(spec: JsonObject, old: JsonObject) -> list[Cause]:
    changed = [k for k in set(spec) | set(old) if k not in _STATEFULSET_MUTABLE and spec.get(k) != old.get(k)]
    return [errors.forbidden_value("spec", _STATEFULSET_WORDS)] if changed else []


class ReplicaSetBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        default_template(spec)
        spec.setdefault("replicas", 1)

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"replicas": 0}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        return _counts(obj["spec"], "replicas") + template_causes(obj["spec"]) + _fixed_selector(obj, old)


class DaemonSetBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        default_template(spec)
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("updateStrategy", {}).setdefault("type", "RollingUpdate")

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        return [] if status_only else template_causes(obj["spec"]) + _fixed_selector(obj, old)


class DeploymentBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        default_template(spec)
        spec.setdefault("replicas", 1)
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("progressDeadlineSeconds", 600)
        strategy = spec.setdefault("strategy", {})
        strategy.setdefault("type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxUnavailable", "25%")
            rolling.setdefault("maxSurge", "25%")

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        spec = obj["spec"]
        found = _counts(spec, "replicas") + template_causes(spec) + _strategy_causes(spec["strategy"])
        found += _counts(spec, "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
        if spec["progressDeadlineSeconds"] <= (spec.get("minReadySeconds") or 0):
            given = spec["progressDeadlineSeconds"]
            found.append(
                errors.invalid_value("spec.progressDeadlineSeconds", given, "must be greater than minReadySeconds")
            )
        return found + _fixed_selector(obj, old)


def _counts(spec: JsonObject, *fields: str) -> list[Cause]:
    detail = "must be greater than or equal to 0"
    return [errors.invalid_value(f"spec.{name}", spec[name], detail) for name in fields if (spec.get(name) or 0) < 0]


def _fixed_selector(obj: JsonObject, old: JsonObject | None) -> list[Cause]:
    selector = obj["spec"].get("selector")
    if old is None or selector == old["spec"].get("selector"):
        return []
    return [errors.invalid_value("spec.selector", selector, "field is immutable")]


def _strategy_causes(strategy: JsonObject) -> list[Cause]:
    rolling, at = strategy.get("rollingUpdate") or {}, "spec.strategy.rollingUpdate"
    if strategy["type"] == "Recreate":
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [errors.forbidden_value(at, detail)] if rolling else []
    if strategy["type"] != "RollingUpdate":
        return [errors.not_supported("spec.strategy.type", strategy["type"], ("Recreate", "RollingUpdate"))]
    found = _share_causes(rolling["maxSurge"], f"{at}.maxSurge")
    found += _share_causes(rolling["maxUnavailable"], f"{at}.maxUnavailable", limit=100)
    if all(str(rolling[name]).rstrip("%").strip("0") == "" for name in ("maxSurge", "maxUnavailable")):
        detail = "may not be 0 when `maxSurge` is 0"
        found.append(errors.invalid_value(f"{at}.maxUnavailable", rolling["maxUnavailable"], detail))
    return found


def _share_causes(value: Any, path: str, limit: int | None = None) -> list[Cause]:
    """A number of pods, or a percentage of them."""
    if isinstance(value, int):
        detail = "must be greater than or equal to 0"
        return [errors.invalid_value(path, value, detail)] if value < 0 else []
    if not re.fullmatch("[0-9]+%", value):
        return [errors.invalid_value(path, value, _PERCENT_WORDS)]
    if limit is not None and int(value[:-1]) > limit:
        return [errors.invalid_value(path, value, f"must not be greater than {limit}%")]
    return []


class JobBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        default_template(spec)
        if "completions" not in spec and "parallelism" not in spec:
            spec["completions"] = 1
        for name, value in (
            ("parallelism", 1),
            ("backoffLimit", 6),
            ("completionMode", "NonIndexed"),
            ("suspend", False),
            ("manualSelector", False),
            ("podReplacementPolicy", "TerminatingOrFailed"),
        ):
            spec.setdefault(name, value)

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        """The selector is made of the Job's own uid."""
        obj["status"] = {}
        spec, meta = obj["spec"], obj["metadata"]
        if spec.get("manualSelector"):
            return
        own = {"batch.kubernetes.io/controller-uid": meta["uid"]}
        spec["selector"] = {"matchLabels": own}
        template = spec["template"].setdefault("metadata", {})
        named = {"batch.kubernetes.io/job-name": meta["name"], "job-name": meta["name"], "controller-uid": meta["uid"]}
        template["labels"] = {**(template.get("labels") or {}), **own, **named}
        if not meta.get("labels"):
            meta["labels"] = dict(template["labels"])

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        spec = obj["spec"]
        found: list[Cause] = []
        if old is not None:
            for name in ("selector", "template", "completions", "completionMode"):
                if spec.get(name) != old["spec"].get(name):
                    found.append(errors.invalid_value(f"spec.{name}", spec.get(name), "field is immutable"))
            return found
        return template_causes(spec, policies=("OnFailure", "Never"))


class CronJobBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("concurrencyPolicy", "Allow")
        spec.setdefault("suspend", False)
        spec.setdefault("successfulJobsHistoryLimit", 3)
        spec.setdefault("failedJobsHistoryLimit", 1)
        job: Any = spec.setdefault("jobTemplate", {})
        job.setdefault("metadata", {})
        default_template(job.setdefault("spec", {}))
        job["spec"]["template"].setdefault("metadata", {})

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        found = [] if obj["spec"].get("schedule") else [errors.required("spec.schedule")]
        template = obj["spec"]["jobTemplate"]["spec"]["template"]
        path = "spec.jobTemplate.spec.template.spec"
        return found + podspec.causes(template.get("spec"), path, policies=("OnFailure", "Never"))
