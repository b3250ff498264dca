"""Small Kubernetes objects for tests of the controllers and the node agent."""

from __future__ import annotations

import itertools
from typing import Any

Obj = dict[str, Any]

_UIDS = itertools.count(1)


def stateful_set(
    name: str = "web", *, replicas: int = 1, policy: str = "Parallel", image: str = "a", **spec: Any
) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"sts-{name}", "generation": 1},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "podManagementPolicy": policy,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
            **spec,
        },
    }


def set_pod(number: int, revision: str, *, ready: bool = True, phase: str = "Running", **metadata: Any) -> Obj:
    """A pod of the StatefulSet `web`."""
    return {
        "metadata": {
            "name": f"web-{number}",
            "namespace": "ns",
            "uid": f"pod-{next(_UIDS)}",
            "labels": {"app": "web", "controller-revision-hash": revision},
            "ownerReferences": [{"kind": "StatefulSet", "name": "web", "uid": "sts-web", "controller": True}],
            **metadata,
        },
        "spec": {"nodeName": "n", "containers": [{"name": "main"}]},
        "status": {
            "phase": phase,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        },
    }


def deployment(name: str = "web", *, replicas: int = 1, image: str = "a", **spec: Any) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"deploy-{name}", "generation": 1},
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
            **spec,
        },
    }


def set_member(number: int, owner: Obj, *, ready: bool = True, phase: str = "Running", **metadata: Any) -> Obj:
    """A pod of a ReplicaSet, on a node and ready since 2026-01-01T00:00:00Z."""
    return {
        "metadata": {
            "name": f"{owner['metadata']['name']}-{number}",
            "namespace": "ns",
            "uid": f"pod-{next(_UIDS)}",
            "labels": owner["spec"]["template"]["metadata"]["labels"],
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{"kind": "ReplicaSet", "uid": owner["metadata"]["uid"], "controller": True}],
            **metadata,
        },
        "spec": {"nodeName": "n", "containers": [{"name": "main"}]},
        "status": {
            "phase": phase,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        },
    }


def job(**spec: Any) -> Obj:
    return {
        "metadata": {"name": "check", "namespace": "ns", "uid": "job-uid"},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "template": {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main"}]}},
            **spec,
        },
    }


def job_pod(name: str, phase: str, *, finished: str = "2026-01-01T00:00:00Z", **metadata: Any) -> Obj:
    ended = {"state": {"terminated": {"exitCode": 1, "finishedAt": finished}}}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"pod-{next(_UIDS)}", **metadata},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": phase, "containerStatuses": [ended] if phase == "Failed" else []},
    }


def pod(*, restart: str = "Always", init: tuple[str, ...] = (), names: tuple[str, ...] = ("main",)) -> Obj:
    """A pod on the node, with containers of these names."""
    return {
        "metadata": {"name": "p", "namespace": "ns", "uid": "pod-uid", "labels": {"app": "x"}, "generation": 1},
        "spec": {
            "nodeName": "n",
            "restartPolicy": restart,
            "initContainers": [{"name": name, "image": "busybox"} for name in init],
            "containers": [{"name": name, "image": "busybox"} for name in names],
        },
    }
