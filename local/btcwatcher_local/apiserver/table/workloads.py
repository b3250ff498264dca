"""Rows of the kinds that make pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import get_path, parse_time
from .columns import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Column,
    first_of,
    human_duration,
    labels_text,
    selector_text,
    since,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..objects import JsonObject


def _number(*path: str) -> Callable[[JsonObject], int]:
    return lambda o: get_path(o, *path) or 0


def _integer(name: str, *path: str) -> Column:
    return Column(name, _number(*path), type="integer")


def _containers(field: str, *path: str) -> Callable[[JsonObject], str]:
    def cell(obj: JsonObject) -> str:
        listed = get_path(obj, *path, "spec", "containers") or []
        return ",".join(str(c.get(field, "")) for c in listed)

    return cell


_TEMPLATE = ("spec", "template")
_CONTAINERS = wide("Containers", _containers("name", *_TEMPLATE))
_IMAGES = wide("Images", _containers("image", *_TEMPLATE))
_SELECTOR = wide("Selector", lambda o: selector_text(get_path(o, "spec", "selector")))


def _ready(obj: JsonObject) -> str:
    wanted = get_path(obj, "spec", "replicas")
    return f"{get_path(obj, 'status', 'readyReplicas') or 0}/{1 if wanted is None else wanted}"


STATEFUL_SET = (NAME, Column("Ready", _ready), AGE, _CONTAINERS, _IMAGES)

DEPLOYMENT = (
    NAME,
    Column("Ready", _ready),
    Column("Up-to-date", _number("status", "updatedReplicas")),
    Column("Available", _number("status", "availableReplicas")),
    AGE,
    _CONTAINERS,
    _IMAGES,
    _SELECTOR,
)

REPLICA_SET = (
    NAME,
    _integer("Desired", "spec", "replicas"),
    _integer("Current", "status", "replicas"),
    _integer("Ready", "status", "readyReplicas"),
    AGE,
    _CONTAINERS,
    _IMAGES,
    _SELECTOR,
)

DAEMON_SET = (
    NAME,
    _integer("Desired", "status", "desiredNumberScheduled"),
    _integer("Current", "status", "currentNumberScheduled"),
    _integer("Ready", "status", "numberReady"),
    _integer("Up-to-date", "status", "updatedNumberScheduled"),
    _integer("Available", "status", "numberAvailable"),
    Column("Node Selector", lambda o: labels_text(get_path(o, "spec", "template", "spec", "nodeSelector"))),
    AGE,
    _CONTAINERS,
    _IMAGES,
    _SELECTOR,
)


def _controller(obj: JsonObject) -> str:
    for owner in obj["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            group = str(owner["apiVersion"]).rpartition("/")[0]
            kind = str(owner["kind"]).lower()
            return f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return NONE


CONTROLLER_REVISION = (
    NAME,
    Column("Controller", _controller),
    Column("Revision", lambda o: o.get("revision", 0)),
    AGE,
)


def _condition(obj: JsonObject, kind: str) -> bool:
    conditions: list[Any] = get_path(obj, "status", "conditions") or []
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions)


def _job_status(obj: JsonObject) -> str:
    for kind, words in (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if _condition(obj, kind):
            return words
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else "Running"


def _completions(obj: JsonObject) -> str:
    done = get_path(obj, "status", "succeeded") or 0
    wanted = get_path(obj, "spec", "completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallel = get_path(obj, "spec", "parallelism") or 0
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_duration(obj: JsonObject) -> str:
    start = parse_time(str(get_path(obj, "status", "startTime") or ""))
    if start is None:
        return ""
    end = parse_time(str(get_path(obj, "status", "completionTime") or ""))
    if end is None:
        return since(get_path(obj, "status", "startTime"))
    return human_duration((end - start).total_seconds())


JOB = (
    NAME,
    Column("Status", _job_status),
    Column("Completions", _completions),
    Column("Duration", _job_duration),
    AGE,
    _CONTAINERS,
    _IMAGES,
    _SELECTOR,
)

_JOB_TEMPLATE = ("spec", "jobTemplate", "spec", "template")


def _last_schedule(obj: JsonObject) -> str:
    last = get_path(obj, "status", "lastScheduleTime")
    return since(last) if last else NONE


CRON_JOB = (
    NAME,
    Column("Schedule", lambda o: get_path(o, "spec", "schedule") or ""),
    Column("Timezone", lambda o: get_path(o, "spec", "timeZone") or NONE),
    Column("Suspend", lambda o: str(bool(get_path(o, "spec", "suspend"))), type="boolean"),
    Column("Active", lambda o: len(get_path(o, "status", "active") or []), type="integer"),
    Column("Last Schedule", _last_schedule),
    AGE,
    wide("Containers", _containers("name", *_JOB_TEMPLATE)),
    wide("Images", _containers("image", *_JOB_TEMPLATE)),
    wide("Selector", lambda o: selector_text(get_path(o, "spec", "jobTemplate", "spec", "selector"))),
)


def _metric(metric: JsonObject, current: JsonObject) -> str:
    """`name: now/wanted` of a resource; the other types have no name that fits."""
    kind = str(metric.get("type", ""))
    body = metric.get(kind[:1].lower() + kind[1:]) or {}
    target, now = body.get("target") or {}, (current.get(kind[:1].lower() + kind[1:]) or {}).get("current") or {}
    field = "averageUtilization" if target.get("averageUtilization") is not None else "averageValue"
    unit = "%" if field == "averageUtilization" else ""
    seen = UNKNOWN if now.get(field) is None else f"{now[field]}{unit}"
    wanted = target.get(field) if target.get(field) is not None else target.get("value", "")
    named = f"{body['name']}: " if kind == "Resource" else ""
    return f"{named}{seen}/{wanted}{unit}"


def _targets(obj: JsonObject) -> str:
    metrics: list[Any] = get_path(obj, "spec", "metrics") or []
    current: list[Any] = get_path(obj, "status", "currentMetrics") or []
    return first_of([_metric(m, current[i] if i < len(current) else {}) for i, m in enumerate(metrics)], limit=2)


def _scaled(obj: JsonObject) -> str:
    target = get_path(obj, "spec", "scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


HORIZONTAL_POD_AUTOSCALER = (
    NAME,
    Column("Reference", _scaled),
    Column("Targets", _targets),
    Column("MinPods", lambda o: str(get_path(o, "spec", "minReplicas") or UNSET)),
    Column("MaxPods", _number("spec", "maxReplicas")),
    Column("Replicas", _number("status", "currentReplicas")),
    AGE,
)
