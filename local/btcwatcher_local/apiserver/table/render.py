"""Tables of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..objects import encode
from . import cluster, jsonpath, network, pods, workloads
from .columns import AGE, CREATED_AT, NAME, Column, since

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..objects import JsonObject
    from ..resources import CustomVersion, Resource

_DEFAULT = (NAME, AGE)
_CREATED = (NAME, CREATED_AT)

_BY_KIND: dict[str, tuple[Column, ...]] = {
    "ClusterRole": _CREATED,
    "ClusterRoleBinding": cluster.ROLE_BINDING,
    "ConfigMap": cluster.CONFIG_MAP,
    "ControllerRevision": workloads.CONTROLLER_REVISION,
    "CronJob": workloads.CRON_JOB,
    "CustomResourceDefinition": _CREATED,
    "DaemonSet": workloads.DAEMON_SET,
    "Deployment": workloads.DEPLOYMENT,
    "EndpointSlice": network.ENDPOINT_SLICE,
    "Endpoints": network.ENDPOINTS,
    "Event": cluster.EVENT,
    "HorizontalPodAutoscaler": workloads.HORIZONTAL_POD_AUTOSCALER,
    "Ingress": network.INGRESS,
    "IngressClass": network.INGRESS_CLASS,
    "Job": workloads.JOB,
    "Lease": cluster.LEASE,
    "LimitRange": _CREATED,
    "Namespace": cluster.NAMESPACE,
    "NetworkPolicy": network.NETWORK_POLICY,
    "Node": cluster.NODE,
    "PersistentVolume": cluster.PERSISTENT_VOLUME,
    "PersistentVolumeClaim": cluster.PERSISTENT_VOLUME_CLAIM,
    "Pod": pods.POD,
    "PodDisruptionBudget": cluster.POD_DISRUPTION_BUDGET,
    "PriorityClass": cluster.PRIORITY_CLASS,
    "ReplicaSet": workloads.REPLICA_SET,
    "ResourceQuota": cluster.RESOURCE_QUOTA,
    "Role": _CREATED,
    "RoleBinding": cluster.ROLE_BINDING,
    "Secret": cluster.SECRET,
    "Service": network.SERVICE,
    "StatefulSet": workloads.STATEFUL_SET,
    "StorageClass": cluster.STORAGE_CLASS,
    "ValidatingAdmissionPolicy": cluster.ADMISSION_POLICY,
    "ValidatingAdmissionPolicyBinding": cluster.ADMISSION_BINDING,
}

_custom: WeakKeyDictionary[CustomVersion, tuple[Column, ...]] = WeakKeyDictionary()


def columns_of(resource: Resource) -> tuple[Column, ...]:
    if resource.crd is None:
        return _BY_KIND.get(resource.storage_kind, _DEFAULT)
    known = _custom.get(resource.crd)
    if known is None:
        declared = resource.crd.printer_columns
        known = (NAME, *map(_printer_column, declared)) if declared else _DEFAULT
        _custom[resource.crd] = known
    return known


def _printer_column(raw: JsonObject) -> Column:
    path, kind = raw["jsonPath"], raw["type"]

    def cell(obj: JsonObject) -> Any:
        found = jsonpath.find(obj, path)
        return _cell(found, kind)

    return Column(
        raw["name"],
        cell,
        type=kind,
        format=raw.get("format", ""),
        priority=raw.get("priority", 0),
        description=raw.get("description") or f"Custom resource definition column (in JSONPath format): {path}",
    )


def _cell(found: list[Any], kind: str) -> Any:
    """A cell of a custom column: null when there is nothing, or nothing of the declared type."""
    if not found or found[0] is None:
        return None
    value = found[0]
    match kind:
        case "date":
            return since(value)
        case "integer":
            return value if isinstance(value, int) and not isinstance(value, bool) else None
        case "number":
            return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
    texts = [v if isinstance(v, str) else encode(v).decode() for v in found]
    return ",".join(texts)


def table(
    resource: Resource,
    objs: Iterable[JsonObject],
    meta: JsonObject,
    *,
    version: str = "v1",
    include: str = "Metadata",
    header: bool = True,
) -> JsonObject:
    """A Table; `include` says how much of each object goes along: None, Metadata or Object."""
    columns = columns_of(resource)
    rows = []
    for obj in objs:
        row: JsonObject = {"cells": [column.cell(obj) for column in columns]}
        if include == "Object":
            row["object"] = obj
        elif include == "Metadata":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": f"meta.k8s.io/{version}",
                "metadata": obj["metadata"],
            }
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": meta,
        "columnDefinitions": [c.definition() for c in columns] if header else None,
        "rows": rows,
    }
