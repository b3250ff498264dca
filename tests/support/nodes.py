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
    resources: dict[str, str] | None = None,
) -> Object:
    """`resources` are further ones that it has, such as a GPU."""
    spec: Object = {"unschedulable": True} if unschedulable else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {**spec, **({"taints": taints} if taints else {})},
        "status": {
            "allocatable": {
                "cpu": cpu,
                "memory": memory,
                "pods": str(pods),
                "ephemeral-storage": disk,
                **(resources or {}),
            },
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
    kind, uid = ("DaemonSet", daemon) if daemon else ("ReplicaSet", "r")
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": uid, "uid": uid}
    labels = {names.LABEL_COMPONENT: names.COMPONENT_BOT, names.LABEL_STRATEGY: bot} if bot else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels, "ownerReferences": [owner]},
        "spec": {
            **({"nodeName": on} if on else {}),
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": memory}}}],
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
            "exchange": {
                "name": exchange,
                "pairs": ["BTC/USDT"],
                "proxyRefs": [{"name": one} for one in proxies],
            },
            "timeframe": "5m",
            "state": state,
            "resources": {"requests": {"cpu": cpu, "memory": memory}},
            "podTemplate": pod_template,
        },
    }
