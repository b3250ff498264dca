"""Nodes without machines: they are ready, and each pod that is placed on one runs, is done, or is gone, at once.

What kwok is for a cluster, as far as the operator's tests need it: kubelets that only write status.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.bulk import Bulk

Object = dict[str, Any]

PODS_A_NODE: Final = 110
_ROOM: Final = {"cpu": "64", "memory": "512Gi", "pods": str(PODS_A_NODE), "ephemeral-storage": "1Ti"}
_BEAT_SECONDS: Final = 8.0
_AT_ONCE: Final = 16
_PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")
_POD_CONDITIONS: Final = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


@contextlib.asynccontextmanager
async def running(bulk: Bulk, count: int) -> AsyncIterator[None]:
    """So many of them, for as long as the context is open."""
    kubelets = [_Kubelet(bulk, f"node-{number}", f"10.1.0.{number + 1}") for number in range(count)]
    for kubelet in kubelets:
        await kubelet.register()
    pods: asyncio.Queue[Object] = asyncio.Queue()
    tasks = [asyncio.create_task(kubelet.beat()) for kubelet in kubelets]
    tasks.append(asyncio.create_task(_watch(bulk, pods)))
    tasks += [asyncio.create_task(_work(bulk, pods, number)) for number in range(_AT_ONCE)]
    try:
        yield
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Kubelet:
    def __init__(self, bulk: Bulk, name: str, address: str) -> None:
        self._bulk = bulk
        self._name = name
        self._address = address

    async def register(self) -> None:
        labels = {"kubernetes.io/hostname": self._name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self._name, "labels": labels}}
        await self._bulk.ask("POST", "/api/v1/nodes", node)
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": self._name, "leaseDurationSeconds": 40},
        }
        await self._bulk.ask("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", lease)
        await self._say_ready()

    async def beat(self) -> None:
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self._name}"
        while True:
            renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            await self._bulk.ask("PATCH", path, {"spec": {"renewTime": renewed}})
            await self._say_ready()
            await asyncio.sleep(_BEAT_SECONDS)

    async def _say_ready(self) -> None:
        said = [("Ready", "True"), *((pressure, "False") for pressure in _PRESSURES)]
        status = {
            "capacity": _ROOM,
            "allocatable": _ROOM,
            "addresses": [{"type": "InternalIP", "address": self._address}],
            "conditions": [
                {"type": kind, "status": status, "reason": "Simulated", "message": "", "lastHeartbeatTime": _now()}
                for kind, status in said
            ],
        }
        await self._bulk.ask("PATCH", f"/api/v1/nodes/{self._name}/status", {"status": status})


async def _watch(bulk: Bulk, pods: asyncio.Queue[Object]) -> None:
    """Every pod as it is, and then as it changes."""
    version = ""
    while True:
        if not version:
            listed = await bulk.ask("GET", "/api/v1/pods")
            version = listed["metadata"]["resourceVersion"]
            for pod in listed["items"] or []:
                pods.put_nowait(pod)
        query = {"watch": "1", "resourceVersion": version}
        async with bulk.session.get("/api/v1/pods", params=query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = msgspec.json.decode(line)
                    if event["type"] == "ERROR":
                        version = ""
                    elif event["type"] != "DELETED":
                        version = event["object"]["metadata"]["resourceVersion"]
                        pods.put_nowait(event["object"])


async def _work(bulk: Bulk, pods: asyncio.Queue[Object], block: int) -> None:
    count = 0
    while True:
        pod = await pods.get()
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if not pod["spec"].get("nodeName"):
            continue
        if metadata.get("deletionTimestamp"):
            gone = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
            await bulk.ask("DELETE", path, gone, may_fail=True)
        elif pod["status"].get("phase") == "Pending":
            count += 1
            address = f"10.{10 + block}.{count // 250}.{count % 250 + 1}"
            # Gone or replaced meanwhile: the watch brings the next one.
            await bulk.ask("PATCH", f"{path}/status", {"status": _status(pod, address)}, may_fail=True)


def _status(pod: Object, address: str) -> Object:
    """A pod of a Job is done, any other runs and is ready."""
    ends = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or [])
    over = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": _now(), "finishedAt": _now()}}
    runs = {"running": {"startedAt": _now()}}

    def told(container: Object, *, done: bool) -> Object:
        name, image = container["name"], container["image"]
        state = over if done else runs
        flags = {"ready": not done, "started": not done, "restartCount": 0}
        return {"name": name, "image": image, "imageID": "simulated", "state": state, **flags}

    return {
        "phase": "Succeeded" if ends else "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": _now(),
        "conditions": [
            {"type": kind, "status": "False" if ends and "Ready" in kind else "True", "lastTransitionTime": _now()}
            for kind in _POD_CONDITIONS
        ],
        "initContainerStatuses": [told(one, done=True) for one in pod["spec"].get("initContainers") or []],
        "containerStatuses": [told(one, done=ends) for one in pod["spec"]["containers"]],
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
