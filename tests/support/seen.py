"""What a test sees of a Strategy and its children through kubectl."""

from collections.abc import Mapping
from typing import Any

from btcwatcher_crds import names
from support.kubectl import Kubectl, until

Object = dict[str, Any]
ChildKey = tuple[str, str]

CHILD_KINDS = ("statefulset", "service", "secret", "persistentvolumeclaim", "ingress")
OURS = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


def strategy(kubectl: Kubectl, namespace: str, name: str = "ema") -> Object:
    """The Strategy; empty when there is none."""
    return kubectl.get("strategy", name, namespace) or {}


def port(kubectl: Kubectl, namespace: str, name: str = "ema") -> int | None:
    found: int | None = strategy(kubectl, namespace, name).get("status", {}).get("port")
    return found


def condition(kubectl: Kubectl, namespace: str, kind: str = "Ready", name: str = "ema") -> Object:
    conditions = strategy(kubectl, namespace, name).get("status", {}).get("conditions", [])
    return next((entry for entry in conditions if entry["type"] == kind), {})


def children(kubectl: Kubectl, namespace: str, name: str | None = None) -> dict[ChildKey, Object]:
    """The operator's objects in the namespace, or those of one Strategy."""
    selector = OURS if name is None else f"{OURS},{names.LABEL_STRATEGY}={name}"
    listed = kubectl.list(",".join(CHILD_KINDS), namespace, "-l", selector)
    return {(item["kind"], item["metadata"]["name"]): item for item in listed}


def child_keys(name: str, stateful_set: Mapping[str, Any]) -> set[ChildKey]:
    """The six children of a Strategy that is exposed and runs the StatefulSet's revision."""
    revision = stateful_set["spec"]["template"]["metadata"]["labels"][names.LABEL_REVISION]
    return {
        ("StatefulSet", name),
        ("Service", name),
        ("Secret", names.access_secret(name)),
        ("Secret", names.revision_secret(name, revision)),
        ("PersistentVolumeClaim", names.volume_claim(name)),
        ("Ingress", name),
    }


def settled(kubectl: Kubectl, namespace: str, name: str = "ema", seconds: float = 60) -> dict[ChildKey, Object]:
    """The children of a Strategy, once they are just the six and its status speaks of its present generation."""

    def look() -> dict[ChildKey, Object]:
        seen = strategy(kubectl, namespace, name)
        if not seen or seen.get("status", {}).get("observedGeneration") != seen["metadata"]["generation"]:
            return {}
        found = children(kubectl, namespace, name)
        stateful_set = found.get(("StatefulSet", name))
        return found if stateful_set and set(found) == child_keys(name, stateful_set) else {}

    return until(look, f"just the six children of {name} and a status of this generation", seconds)
