"""Controllers and a node agent in this process, on an API server that runs already."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp

from btcwatcher_local import controllers, node
from btcwatcher_local.client import ApiError, Client, Resource, load_kubeconfig, resources
from btcwatcher_local.client.resources import EVENTS, NAMESPACES, NODES, PODS
from btcwatcher_local.node import ImageTable, NodeSettings
from btcwatcher_local.node.leftovers import read_state
from btcwatcher_local.node.settings import ContainerDirs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

Obj = dict[str, Any]

IMAGES = {
    "busybox": {"command": ["sh", "-c"], "args": ["echo default"], "env": {"FROM_IMAGE": "yes"}},
    "python": {"command": ["python3"]},
}


class LocalCluster:
    """What a test needs of a cluster: a namespace of its own, a node of its own, and waiting with a reason."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self.folder = folder
        self.client = Client(load_kubeconfig(kubeconfig), "btcwatcher-tests")
        self.namespace = f"t-{uuid.uuid4().hex[:8]}"
        self.settings = NodeSettings(
            root=folder / "node",
            node_name=f"node-{uuid.uuid4().hex[:8]}",
            backoff_base=1.0,
            backoff_cap=4.0,
            config_retry=0.5,
            shutdown_grace=5.0,
            heartbeat=2.0,
        )
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start_node(self, settings: NodeSettings | None = None, images: Obj = IMAGES) -> None:
        await self._start(
            "node", lambda ready: node.run(self.kubeconfig, ImageTable(images), settings or self.settings, ready=ready)
        )

    async def start_controllers(self) -> None:
        volumes = self.folder / "volumes"
        await self._start("controllers", lambda ready: controllers.run(self.kubeconfig, volumes, ready=ready))

    async def _start(self, name: str, make: Callable[[asyncio.Event], Any]) -> None:
        ready = asyncio.Event()
        task = asyncio.create_task(make(ready), name=name)
        self._tasks[name] = task
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task
        assert ready.is_set(), f"{name} did not become ready"

    async def stop(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def create(self, resource: Resource, obj: Obj) -> Obj:
        obj.setdefault("metadata", {})["namespace"] = self.namespace
        return await self.client.create(resource, obj)

    async def create_pod(self, name: str, script: str, **extra: Any) -> Obj:
        """A pod bound to the node, one container `main` with a shell script; `extra` updates container or spec."""
        return await self.create(PODS, self.pod(name, script, **extra))

    def pod(self, name: str, script: str, **extra: Any) -> Obj:
        container: Obj = {"name": "main", "image": "busybox", "args": [script], "workingDir": "/bot"}
        spec: Obj = {
            "nodeName": self.settings.node_name,
            "terminationGracePeriodSeconds": 2,
            "containers": [container],
        }
        pod_fields = {
            "automountServiceAccountToken",
            "initContainers",
            "nodeName",
            "restartPolicy",
            "serviceAccountName",
            "terminationGracePeriodSeconds",
            "volumes",
        }
        for field, value in extra.items():
            (spec if field in pod_fields else container)[field] = value
        return {"metadata": {"name": name, "namespace": self.namespace, "labels": {"app": name}}, "spec": spec}

    async def get(self, name: str, resource: Resource = PODS) -> Obj | None:
        return await self.client.get_or_none(resource, self.namespace, name)

    async def until(
        self,
        name: str,
        condition: Callable[[Obj], bool],
        *,
        resource: Resource = PODS,
        seconds: float = 15,
    ) -> Obj:
        """Wait until the object meets the condition; the last state is in the failure."""
        deadline = time.monotonic() + seconds
        held: Obj | None = None
        while time.monotonic() < deadline:
            held = await self.get(name, resource)
            if held is not None and condition(held):
                return held
            await asyncio.sleep(0.05)
        raise AssertionError(f"{resource.kind} {name} did not get there in {seconds} s: {held and held.get('status')}")

    async def gone(self, name: str, *, resource: Resource = PODS, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await self.get(name, resource) is None:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{resource.kind} {name} is still there after {seconds} s")

    async def events(self, name: str) -> set[tuple[str, str]]:
        """(reason, message) of the Events about an object."""
        items, _ = await self.client.list(EVENTS, self.namespace)
        return {(item["reason"], item["message"]) for item in items if item["involvedObject"]["name"] == name}

    async def until_told(self, name: str, *wanted: str | tuple[str, str], seconds: float = 15) -> None:
        """Wait for Events about an object, each a reason or (reason, message): they are written beside the work."""
        deadline = time.monotonic() + seconds
        while True:
            told = await self.events(name)
            missing = set(wanted) - told - {reason for reason, _ in told}
            if not missing:
                return
            assert time.monotonic() < deadline, f"not told within {seconds} s: {missing}; told: {told}"
            await asyncio.sleep(0.05)

    async def log(self, pod: str, container: str = "main", **query: str) -> str:
        """The container's log, from the node's own endpoint."""
        status, text = await self.log_request(pod, container, self.client.connection.token or "", **query)
        assert status == 200, text
        return text

    async def until_logged(self, pod: str, container: str = "main") -> str:
        """The log once there is something in it."""
        text = ""

        async def some() -> bool:
            nonlocal text
            text = await self.log(pod, container)
            return bool(text)

        await eventually(some)
        return text

    async def log_request(self, pod: str, container: str, token: str, **query: str) -> tuple[int, str]:
        return await self.ask_node(f"/containerLogs/{self.namespace}/{pod}/{container}", token, **query)

    async def ask_node(self, path: str, token: str, **query: str) -> tuple[int, str]:
        """Status and body of what the node's own endpoint answers."""
        found = await self.client.get(NODES, "", self.settings.node_name)
        port = found["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        url = f"http://127.0.0.1:{port}{path}"
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session, session.get(url, params=query, headers=headers) as answer:
            return answer.status, await answer.text()

    def rootfs(self, pod: Obj, container: str = "main") -> Path:
        return self.settings.pods_dir / resources.uid(pod) / "containers" / container / "rootfs"

    def marker(self, pod: Obj, container: str = "main") -> str:
        return ContainerDirs(self.rootfs(pod, container).parent).marker

    def pid(self, pod: Obj, container: str = "main") -> int:
        state = read_state(self.rootfs(pod, container).parent / "state.json")
        assert state["pid"], f"container {container} does not run"
        return int(state["pid"])


@contextlib.asynccontextmanager
async def local_cluster(kubeconfig: Path, folder: Path) -> AsyncIterator[LocalCluster]:
    """A namespace on the server; what a test started and made in it is gone afterwards."""
    cluster = LocalCluster(kubeconfig, folder)
    async with cluster.client as client:
        await client.create(NAMESPACES, {"metadata": {"name": cluster.namespace}})
        try:
            yield cluster
        finally:
            for resource in (resources.DEPLOYMENTS, resources.STATEFUL_SETS, resources.JOBS):
                for item in (await client.list(resource, cluster.namespace))[0]:
                    await client.delete(resource, cluster.namespace, resources.name(item))
            await cluster.stop("controllers")
            await cluster.stop("node")
            for item in (await client.list(PODS, cluster.namespace))[0]:
                await client.delete(PODS, cluster.namespace, resources.name(item), grace_seconds=0)
            with contextlib.suppress(ApiError):
                await client.delete(NODES, "", cluster.settings.node_name)


async def eventually(check: Callable[[], Any], seconds: float = 5) -> None:
    """Wait until `check` (a plain or an async function) says something true."""
    deadline = time.monotonic() + seconds
    while True:
        said = check()
        if inspect.isawaitable(said):
            said = await said
        if said:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


def running(pod: Obj) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Running")


def ready(pod: Obj) -> bool:
    return resources.condition_true(pod, "Ready")


def container_status(pod: Obj, name: str = "main") -> Obj:
    status = pod.get("status") or {}
    for item in [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]:
        if item["name"] == name:
            found: Obj = item
            return found
    return {}


def waiting_reason(pod: Obj, name: str = "main") -> str:
    return str((container_status(pod, name).get("state") or {}).get("waiting", {}).get("reason", ""))


def restarts(pod: Obj, name: str = "main") -> int:
    return int(container_status(pod, name).get("restartCount") or 0)
