"""Which node a pending pod goes to, or the sentence that says why none fits. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.client.quantity import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from btcwatcher_local.client.resources import Obj


@dataclass(frozen=True, slots=True)
class Placement:
    """`node` is the name of the node, "" with `message` when there is none."""

    node: str
    message: str = ""


def pod_requests(pod: Obj) -> dict[str, Decimal]:
    """What a pod reserves: the sum of its containers, or its greediest init container if that is more."""
    total: dict[str, Decimal] = {}
    for container in pod["spec"].get("containers") or []:
        for kind, amount in _requests(container).items():
            total[kind] = total.get(kind, Decimal(0)) + amount
    for container in pod["spec"].get("initContainers") or []:
        for kind, amount in _requests(container).items():
            total[kind] = max(total.get(kind, Decimal(0)), amount)
    total["pods"] = Decimal(1)
    return total


def _requests(container: Obj) -> dict[str, Decimal]:
    held = container.get("resources") or {}
    # A limit without a request is a request too.
    merged = {**(held.get("limits") or {}), **(held.get("requests") or {})}
    return {kind: parse_quantity(amount) for kind, amount in merged.items()}


def claim_problem(pod: Obj, claims: Mapping[str, Obj]) -> str:
    """Why the pod's volumes keep it from being placed, "" when they do not. `claims` are those of its namespace."""
    for volume in pod["spec"].get("volumes") or []:
        if (source := volume.get("persistentVolumeClaim")) is None:
            continue
        claim = claims.get(source["claimName"])
        if claim is None:
            return f'persistentvolumeclaim "{source["claimName"]}" not found'
        if resources.deleting(claim):
            return f'persistentvolumeclaim "{source["claimName"]}" is being deleted'
        if (claim.get("status") or {}).get("phase") != "Bound":
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def place(
    pod: Obj,
    nodes: Sequence[Obj],
    placed: Iterable[Obj],
    claims: Mapping[str, Obj],
    requests_of: Callable[[Obj], Mapping[str, Decimal]] = pod_requests,
) -> Placement:
    """Choose the fitting node with the fewest pods. `placed` are the pods that already have a node;
    `requests_of` may be a cached `pod_requests`."""
    if not nodes:
        return Placement("", "no nodes available to schedule pods")
    if problem := claim_problem(pod, claims):
        return Placement("", f"0/{len(nodes)} nodes are available: {problem}.")
    used: dict[str, dict[str, Decimal]] = {}
    for other in placed:
        if (other.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        held = used.setdefault(other["spec"]["nodeName"], {})
        for kind, amount in requests_of(other).items():
            held[kind] = held.get(kind, Decimal(0)) + amount
    wanted = pod_requests(pod)
    reasons: Counter[str] = Counter()
    fitting: list[tuple[Decimal, str]] = []
    for node in nodes:
        name = resources.name(node)
        found = _refusals(pod, node, wanted, used.get(name, {}))
        reasons.update(found)
        if not found:
            fitting.append((used.get(name, {}).get("pods", Decimal(0)), name))
    if fitting:
        return Placement(min(fitting)[1])
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return Placement("", f"0/{len(nodes)} nodes are available: {told}.")


def _refusals(pod: Obj, node: Obj, wanted: Mapping[str, Decimal], used: Mapping[str, Decimal]) -> list[str]:
    if node["spec"].get("unschedulable"):
        return ["node(s) were unschedulable"]
    if not resources.condition_true(node, "Ready"):
        return ["node(s) were not ready"]
    if taint := _untolerated(pod, node):
        return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}"]
    selector = pod["spec"].get("nodeSelector") or {}
    labels = resources.labels(node)
    if any(labels.get(key) != value for key, value in selector.items()):
        return ["node(s) didn't match Pod's node affinity/selector"]
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    refusals = []
    for kind, amount in wanted.items():
        if amount and used.get(kind, Decimal(0)) + amount > parse_quantity(allocatable.get(kind)):
            refusals.append("Too many pods" if kind == "pods" else f"Insufficient {kind}")
    return refusals


def _untolerated(pod: Obj, node: Obj) -> Obj | None:
    for taint in node["spec"].get("taints") or []:
        if taint.get("effect") == "PreferNoSchedule":
            continue
        if not any(_tolerates(item, taint) for item in pod["spec"].get("tolerations") or []):
            found: Obj = taint
            return found
    return None


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and (toleration.get("value") or "") == (taint.get("value") or "")
