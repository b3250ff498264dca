"""Nodes, pods and Strategies as the API server lists them, for tests of capacity."""

from typing import Any

from btcwatcher_crds import names

Object = dict[str, Any]


def node(
    name: str,
    cpu: str = "4",
    memory: str = "8Gi",
    pods: int = 110,
    *,
    ready: bool = True,
    unschedulable: bool = False,
    labels: dict[str, str] | None = None,
    taints: list[dict[str, str]] | None = None,
    disk: str = "100Gi",
) -> Object:
    spec: Object = {"unschedulable": True} if unschedulable else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {**spec, **({"taints": taints} if taints else {})},
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": str(pods), "ephemeral-storage": disk},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def pod(
    name: str,
    on: str | None = None,
    *,
    cpu: str = "100m",
    memory: str = "256Mi",
    bot: str | None = None,
    daemon: str | None = None,
    namespace: str = "trading",
    **spec: Any,
) -> Object:
    """`bot` is the Strategy whose pod it is, `daemon` the DaemonSet's uid."""
    owner = {"kind": "DaemonSet", "uid": daemon} if daemon else {"kind": "ReplicaSet", "uid": "r"}
    labels = {names.LABEL_COMPONENT: names.COMPONENT_BOT, names.LABEL_STRATEGY: bot} if bot else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels, "ownerReferences": [owner]},
        "spec": {
            **({"nodeName": on} if on else {}),
            "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}}],
            **({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]} if bot else {}),
            **spec,
        },
        "status": {"phase": "Running" if on else "Pending"},
    }


def strategy(
    name: str,
    *,
    cls: str = "Ema",
    exchange: str = "binance",
    cpu: str = "100m",
    memory: str = "256Mi",
    state: str = "Running",
    proxies: tuple[str, ...] = (),
    namespace: str = "trading",
    **pod_template: Any,
) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.STRATEGY_KIND,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "strategyName": cls,
            "exchange": {"name": exchange, "proxyRefs": [{"name": one} for one in proxies]},
            "state": state,
            "resources": {"requests": {"cpu": cpu, "memory": memory}},
            "podTemplate": pod_template,
        },
    }
