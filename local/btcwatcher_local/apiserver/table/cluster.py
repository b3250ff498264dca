"""Rows of nodes, namespaces, configuration, storage, events and access rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import get_path
from .columns import AGE, NAME, NONE, UNKNOWN, UNSET, Column, since, wide

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..objects import JsonObject

NAMESPACE = (NAME, Column("Status", lambda o: get_path(o, "status", "phase") or ""), AGE)


def _node_status(obj: JsonObject) -> str:
    words = ["Unknown"]
    for condition in get_path(obj, "status", "conditions") or []:
        if condition.get("type") == "Ready":
            words = ["Ready" if condition.get("status") == "True" else "NotReady"]
    if get_path(obj, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(obj: JsonObject) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = [k.removeprefix(prefix) for k in labels if k.startswith(prefix)]
    if labels.get("kubernetes.io/role"):
        roles.append(labels["kubernetes.io/role"])
    return ",".join(sorted(filter(None, roles))) or NONE


def _node_address(kind: str) -> Callable[[JsonObject], str]:
    def cell(obj: JsonObject) -> str:
        listed: list[Any] = get_path(obj, "status", "addresses") or []
        return next((str(a["address"]) for a in listed if a.get("type") == kind), NONE)

    return cell


def _node_info(field: str) -> Callable[[JsonObject], str]:
    return lambda o: str(get_path(o, "status", "nodeInfo", field) or UNKNOWN)


NODE = (
    NAME,
    Column("Status", _node_status),
    Column("Roles", _roles),
    AGE,
    Column("Version", lambda o: get_path(o, "status", "nodeInfo", "kubeletVersion") or ""),
    wide("Internal-IP", _node_address("InternalIP")),
    wide("External-IP", _node_address("ExternalIP")),
    wide("OS-Image", _node_info("osImage")),
    wide("Kernel-Version", _node_info("kernelVersion")),
    wide("Container-Runtime", _node_info("containerRuntimeVersion")),
)

SECRET = (
    NAME,
    Column("Type", lambda o: o.get("type", "")),
    Column("Data", lambda o: len(o.get("data") or {})),
    AGE,
)


def _data_count(obj: JsonObject) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


CONFIG_MAP = (NAME, Column("Data", _data_count), AGE)

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _modes(modes: Any) -> str:
    return ",".join(_MODES.get(m, m) for m in modes or [])


def _claim_status(obj: JsonObject) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(get_path(obj, "status", "phase") or "")


def _bound(*path: str) -> Callable[[JsonObject], Any]:
    """What a claim says of its volume, once it has one."""
    return lambda o: get_path(o, *path) or "" if get_path(o, "spec", "volumeName") else ""


PERSISTENT_VOLUME_CLAIM = (
    NAME,
    Column("Status", _claim_status),
    Column("Volume", lambda o: get_path(o, "spec", "volumeName") or ""),
    Column("Capacity", _bound("status", "capacity", "storage")),
    Column("Access Modes", lambda o: _modes(_bound("status", "accessModes")(o))),
    Column("StorageClass", lambda o: get_path(o, "spec", "storageClassName") or ""),
    Column("VolumeAttributesClass", lambda o: get_path(o, "spec", "volumeAttributesClassName") or UNSET),
    AGE,
    wide("VolumeMode", lambda o: get_path(o, "spec", "volumeMode") or UNSET),
)


def _claim_of(obj: JsonObject) -> str:
    claim = get_path(obj, "spec", "claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


PERSISTENT_VOLUME = (
    NAME,
    Column("Capacity", lambda o: get_path(o, "spec", "capacity", "storage") or ""),
    Column("Access Modes", lambda o: _modes(get_path(o, "spec", "accessModes"))),
    Column("Reclaim Policy", lambda o: get_path(o, "spec", "persistentVolumeReclaimPolicy") or ""),
    Column("Status", _claim_status),
    Column("Claim", _claim_of),
    Column("StorageClass", lambda o: get_path(o, "spec", "storageClassName") or ""),
    Column("VolumeAttributesClass", lambda o: get_path(o, "spec", "volumeAttributesClassName") or UNSET),
    Column("Reason", lambda o: get_path(o, "status", "reason") or ""),
    AGE,
    wide("VolumeMode", lambda o: get_path(o, "spec", "volumeMode") or UNSET),
)

STORAGE_CLASS = (
    Column("Name", lambda o: o["metadata"]["name"] + _default_mark(o), format="name"),
    Column("Provisioner", lambda o: o.get("provisioner", "")),
    Column("ReclaimPolicy", lambda o: o.get("reclaimPolicy") or "Delete"),
    Column("VolumeBindingMode", lambda o: o.get("volumeBindingMode") or "Immediate"),
    Column("AllowVolumeExpansion", lambda o: str(bool(o.get("allowVolumeExpansion"))).lower()),
    AGE,
)


def _default_mark(obj: JsonObject) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    return " (default)" if annotations.get("storageclass.kubernetes.io/is-default-class") == "true" else ""


def _last_seen(obj: JsonObject) -> str:
    series = obj.get("series") or {}
    last = series.get("lastObservedTime") or obj.get("lastTimestamp")
    first = _first_time(obj)
    count = series.get("count") or obj.get("count") or 1
    if count > 1 and first:
        return f"{since(last or first)} (x{count} over {since(first)})"
    return since(last or first)


def _first_time(obj: JsonObject) -> Any:
    return obj.get("firstTimestamp") or obj.get("eventTime")


def _about(obj: JsonObject) -> str:
    about = obj.get("involvedObject") or {}
    kind = str(about.get("kind", "")).lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def _event_source(obj: JsonObject) -> str:
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    return ", ".join(filter(None, [component, source.get("host", "")]))


EVENT = (
    Column("Last Seen", _last_seen),
    Column("Type", lambda o: o.get("type", "")),
    Column("Reason", lambda o: o.get("reason", "")),
    Column("Object", _about),
    wide("Subobject", lambda o: get_path(o, "involvedObject", "fieldPath") or ""),
    wide("Source", _event_source),
    Column("Message", lambda o: str(o.get("message", "")).strip()),
    wide("First Seen", lambda o: since(_first_time(o))),
    wide("Count", lambda o: str(o.get("count") or 1)),
    Column("Name", lambda o: o["metadata"]["name"], format="name", priority=1),
)

LEASE = (NAME, Column("Holder", lambda o: get_path(o, "spec", "holderIdentity") or ""), AGE)


def _subjects(kind: str) -> Callable[[JsonObject], str]:
    def cell(obj: JsonObject) -> str:
        listed = [s for s in obj.get("subjects") or [] if s.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{s.get('namespace', '')}/{s.get('name', '')}" for s in listed)
        return ", ".join(str(s.get("name", "")) for s in listed)

    return cell


ROLE_BINDING = (
    NAME,
    Column("Role", lambda o: f"{get_path(o, 'roleRef', 'kind') or ''}/{get_path(o, 'roleRef', 'name') or ''}"),
    AGE,
    wide("Users", _subjects("User")),
    wide("Groups", _subjects("Group")),
    wide("ServiceAccounts", _subjects("ServiceAccount")),
)

PRIORITY_CLASS = (
    NAME,
    Column("Value", lambda o: o.get("value", 0), type="integer"),
    Column("Global-Default", lambda o: bool(o.get("globalDefault")), type="boolean"),
    AGE,
    Column("PreemptionPolicy", lambda o: o.get("preemptionPolicy") or "PreemptLowerPriority"),
)


def _param_kind(obj: JsonObject) -> str:
    kind = get_path(obj, "spec", "paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET


def _param_ref(obj: JsonObject) -> str:
    ref = get_path(obj, "spec", "paramRef")
    if not ref:
        return UNSET
    return f"{ref['namespace']}/{ref.get('name', '')}" if ref.get("namespace") else f"*/{ref.get('name', '')}"


ADMISSION_POLICY = (
    NAME,
    Column("Validations", lambda o: len(get_path(o, "spec", "validations") or []), type="integer"),
    Column("ParamKind", _param_kind),
    AGE,
)

ADMISSION_BINDING = (
    NAME,
    Column("PolicyName", lambda o: get_path(o, "spec", "policyName") or ""),
    Column("ParamRef", _param_ref),
    AGE,
)


def _budget(field: str) -> Callable[[JsonObject], str]:
    def cell(obj: JsonObject) -> str:
        value = get_path(obj, "spec", field)
        return "N/A" if value is None else str(value)

    return cell


POD_DISRUPTION_BUDGET = (
    NAME,
    Column("Min Available", _budget("minAvailable")),
    Column("Max Unavailable", _budget("maxUnavailable")),
    Column("Allowed Disruptions", lambda o: get_path(o, "status", "disruptionsAllowed") or 0, type="integer"),
    AGE,
)


def _quota(kind: str) -> Callable[[JsonObject], str]:
    def cell(obj: JsonObject) -> str:
        hard, used = get_path(obj, "status", "hard") or {}, get_path(obj, "status", "used") or {}
        limits = [k for k in sorted(hard) if k.startswith("limits.") == (kind == "limits")]
        return ", ".join(f"{k}: {used.get(k, '0')}/{hard[k]}" for k in limits)

    return cell


RESOURCE_QUOTA = (NAME, Column("Request", _quota("requests")), Column("Limit", _quota("limits")), AGE)
