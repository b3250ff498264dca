"""What a test of the operator asks and reports: the Strategy, its children, and its pod as a kubelet would."""

from typing import Any

from btcwatcher_crds import names
from support.kubectl import Kubectl, until

Object = dict[str, Any]

CHILDREN = ("statefulset", "service", "secret", "persistentvolumeclaim", "ingress")


def strategy(kubectl: Kubectl, namespace: str, name: str = "ema") -> Object:
    return kubectl.get("strategy", name, namespace) or {}


def condition(kubectl: Kubectl, namespace: str, kind: str = "Ready", name: str = "ema") -> Object:
    conditions = strategy(kubectl, namespace, name).get("status", {}).get("conditions", [])
    return next((entry for entry in conditions if entry["type"] == kind), {})


def children(kubectl: Kubectl, namespace: str) -> dict[tuple[str, str], Object]:
    listed = kubectl.list(",".join(CHILDREN), namespace, "-l", f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}")
    return {(item["kind"], item["metadata"]["name"]): item for item in listed}


def versions(kubectl: Kubectl, namespace: str) -> dict[tuple[str, str], str]:
    found = {key: item["metadata"]["resourceVersion"] for key, item in children(kubectl, namespace).items()}
    return {**found, ("Strategy", "ema"): strategy(kubectl, namespace)["metadata"]["resourceVersion"]}


def settled(kubectl: Kubectl, namespace: str) -> dict[tuple[str, str], Object]:
    """The six children of a Strategy, once its status speaks of its present generation."""

    def look() -> dict[tuple[str, str], Object]:
        seen = strategy(kubectl, namespace)
        if seen.get("status", {}).get("observedGeneration") != seen["metadata"]["generation"]:
            return {}
        found = children(kubectl, namespace)
        return found if len(found) == 6 else {}

    return until(look, "six children and a status of this generation")


def revision(kubectl: Kubectl, namespace: str) -> str:
    template = (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["template"]
    label: str = template["metadata"]["labels"][names.LABEL_REVISION]
    return label


def pod(kubectl: Kubectl, namespace: str) -> None:
    """The pod that a StatefulSet controller would make of the template."""
    template = (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["template"]
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": "ema-0", "namespace": namespace},
            "spec": template["spec"],
        }
    )


def report(kubectl: Kubectl, namespace: str, status: Object) -> None:
    """What a kubelet would report of the pod."""
    kubectl.patch("pod", "ema-0", namespace, {"status": status}, "--subresource=status")


def ended(code: int, message: str = "") -> Object:
    return {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed", "message": message}}


def container(name: str, state: Object, *, ready: bool = False) -> Object:
    base = {"name": name, "image": "i", "imageID": "i", "restartCount": 0}
    return {**base, "state": state, "ready": ready, "started": ready}


RUNNING = {
    "phase": "Running",
    "initContainerStatuses": [container(names.CONTAINER_PREFLIGHT, ended(0), ready=True)],
    "containerStatuses": [container(names.CONTAINER_BOT, {"running": {}}, ready=True)],
}
