"""Deployments and ReplicaSets with real pods, as kubectl sees and changes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from btcwatcher_local.client import resources
from btcwatcher_local.client.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from support.kubectl import Kubectl
from support.localcluster import eventually

if TYPE_CHECKING:
    from support.localcluster import LocalCluster, Obj

pytestmark = pytest.mark.integration

LOOP = "while :; do sleep 0.1; done"


def deployment(script: str = LOOP, *, replicas: int = 2, **spec: Any) -> Obj:
    """Its pods are ready once they have made a file `ready`."""
    probe = {"exec": {"command": ["test", "-f", "ready"]}, "periodSeconds": 1}
    container = {"name": "main", "image": "busybox", "args": [script], "workingDir": "/bot", "readinessProbe": probe}
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"terminationGracePeriodSeconds": 2, "containers": [container]},
            },
            **spec,
        },
    }


def script_patch(script: str) -> Obj:
    container = deployment(script)["spec"]["template"]["spec"]["containers"][0]
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def settled(found: Obj) -> bool:
    status, wanted = found.get("status") or {}, found["spec"]["replicas"]
    fields = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    seen = status.get("observedGeneration") == found["metadata"]["generation"]
    return seen and all(status.get(field, 0) == wanted for field in fields)


class Typed:
    """kubectl in the cluster's namespace, beside controllers that run in this process."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._kubectl, self._namespace = Kubectl(cluster.kubeconfig), cluster.namespace

    async def __call__(self, *words: str) -> str:
        return await asyncio.to_thread(self._kubectl, "-n", self._namespace, *words)

    async def fails(self, *words: str) -> str:
        done = await asyncio.to_thread(self._kubectl.run, "-n", self._namespace, *words)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr


async def pods(cluster: LocalCluster) -> list[Obj]:
    return (await cluster.client.list(PODS, cluster.namespace))[0]


async def sets(cluster: LocalCluster) -> list[Obj]:
    found, _ = await cluster.client.list(REPLICA_SETS, cluster.namespace)
    return sorted(found, key=lambda item: int(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]))


async def test_deployment_life(full: LocalCluster) -> None:
    """Rolled out, restarted, stuck and late, undone, a pod lost, scaled, deleted with all it owns."""
    kubectl = Typed(full)
    await full.create(DEPLOYMENTS, deployment(f"touch ready; echo first; {LOOP}", progressDeadlineSeconds=3))
    assert "successfully rolled out" in await kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    assert (await kubectl("get", "deploy", "web", "--no-headers")).split()[:4] == ["web", "2/2", "2", "2"]
    (first,) = await sets(full)
    assert (await kubectl("get", "rs", "--no-headers")).split()[:4] == [resources.name(first), "2", "2", "2"]
    old = {resources.uid(pod) for pod in await pods(full)}
    assert all(resources.owned_by(pod, resources.uid(first)) for pod in await pods(full))

    await kubectl("rollout", "restart", "deploy/web")
    await kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    await eventually(lambda: _only_new(full, old))
    assert [item["spec"]["replicas"] for item in await sets(full)] == [0, 2]

    await full.client.patch(DEPLOYMENTS, full.namespace, "web", script_patch("exit 1"))
    assert "exceeded its progress deadline" in await kubectl.fails("rollout", "status", "deploy/web", "--timeout=20s")
    stuck = await full.until(
        "web", lambda item: not resources.condition_true(item, "Progressing"), resource=DEPLOYMENTS
    )
    assert resources.condition_true(stuck, "Available"), "what works is kept"
    assert stuck["status"]["availableReplicas"] == 2

    await kubectl("rollout", "undo", "deploy/web")
    await kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    assert await kubectl("rollout", "history", "deploy/web") == (
        "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n3         <none>\n4         <none>\n\n"
    )
    gone = (await pods(full))[0]
    await full.client.delete(PODS, full.namespace, resources.name(gone))
    await eventually(lambda: _only_new(full, {resources.uid(gone)}), seconds=15)
    await kubectl("scale", "deploy/web", "--replicas=1")
    await full.until("web", settled, resource=DEPLOYMENTS)
    await full.until_told("web", "ScalingReplicaSet")
    await full.client.delete(DEPLOYMENTS, full.namespace, "web")

    async def nothing_left() -> bool:
        return not await pods(full) and not await sets(full)

    await eventually(nothing_left, seconds=15)


async def _only_new(cluster: LocalCluster, old: set[str]) -> bool:
    found = {resources.uid(pod) for pod in await pods(cluster)}
    return len(found) == 2 and not found & old


async def test_recreate_never_has_pods_of_two_templates(full: LocalCluster) -> None:
    """The old pod takes its time to go."""
    slow = f"trap 'sleep 1; exit' TERM; touch ready; {LOOP}"
    await full.create(DEPLOYMENTS, deployment(slow, replicas=1, strategy={"type": "Recreate"}))
    await full.until("web", settled, resource=DEPLOYMENTS)
    (before,) = await pods(full)
    await full.client.patch(DEPLOYMENTS, full.namespace, "web", script_patch(f"touch ready; {LOOP}"))

    async def replaced() -> bool:
        found = await pods(full)
        assert len(found) <= 1, "two pods at once"
        return bool(found) and resources.uid(found[0]) != resources.uid(before)

    await eventually(replaced, seconds=15)
    await full.until("web", settled, resource=DEPLOYMENTS)
