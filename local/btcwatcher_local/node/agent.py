"""The node agent: registers a node and runs the pods bound to it as local processes.

Limits of resources are not enforced: a process may use more memory than its container's limit says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import structlog

from btcwatcher_local.client import resources
from btcwatcher_local.client.config import load_kubeconfig
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import EventRecorder
from btcwatcher_local.client.http import Client
from btcwatcher_local.client.informer import Informer
from btcwatcher_local.node import leftovers, machine, watchdog
from btcwatcher_local.node.kubelet import KubeletServer
from btcwatcher_local.node.lookup import ClusterLookup
from btcwatcher_local.node.pod import PodWorker
from btcwatcher_local.node.registration import Registration
from btcwatcher_local.node.settings import PodDirs

if TYPE_CHECKING:
    from pathlib import Path

    from btcwatcher_local.client.resources import Key, Obj
    from btcwatcher_local.node.images import ImageTable
    from btcwatcher_local.node.settings import NodeSettings

log = structlog.get_logger(__name__)

_LOCK_WAIT = 60.0


async def run(
    kubeconfig: Path, images: ImageTable, settings: NodeSettings, *, ready: asyncio.Event | None = None
) -> None:
    """Run until cancelled; then every container is stopped gracefully and no process is left.

    Sets `ready` once the node is registered. Raises RuntimeError when another agent holds `settings.root`.
    """
    async with Client(load_kubeconfig(kubeconfig), "btcwatcher-node") as client:
        await Agent(client, images, settings).run(ready)


class Agent:
    """Keeps one worker per pod. Two pods of one name never run at once: the new one waits for the old one's end."""

    def __init__(self, client: Client, images: ImageTable, settings: NodeSettings) -> None:
        self._client = client
        self._images = images
        self._settings = settings
        self._lookup = ClusterLookup(client, settings.renew_after)
        self._events = EventRecorder(client, "kubelet", settings.node_name)
        self._pods = Informer(client, resources.PODS, field_selector=f"spec.nodeName={settings.node_name}")
        self._workers: dict[Key, PodWorker] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._waiting: dict[Key, Obj] = {}
        self._stopping = False

    async def run(self, ready: asyncio.Event | None = None) -> None:
        settings = self._settings
        settings.pods_dir.mkdir(parents=True, exist_ok=True)
        settings.pods_dir.chmod(0o700)
        lock = await _take(settings.root)
        cap = settings.shutdown_grace
        ended = await asyncio.to_thread(leftovers.end_all, settings.pods_dir, grace_cap=cap)
        if ended:
            log.warning("ended containers that an earlier agent had left running", count=ended)
        guard = watchdog.start(settings.pods_dir, cap, lock)
        kubelet = KubeletServer(self._client.connection.token, self._workers)
        beat: asyncio.Task[None] | None = None
        registration: Registration | None = None
        try:
            await kubelet.start(settings.host_ip, settings.port)
            self._events.start()
            for plural, informer in self._lookup.informers.items():
                informer.listen(partial(self._on_reference, plural))
                informer.start()
            for informer in self._lookup.informers.values():
                await informer.wait_synced()
            registration = Registration(self._client, settings, kubelet.port)
            await registration.register()
            beat = asyncio.create_task(registration.run(), name="node heartbeat")
            self._pods.listen(self._on_pod)
            self._pods.start()
            await self._pods.wait_synced()
            self._forget_unknown()
            log.info("node is ready", node=settings.node_name, pods=len(self._pods), port=kubelet.port)
            if ready is not None:
                ready.set()
            await asyncio.Event().wait()
        finally:
            self._stopping = True
            await asyncio.shield(asyncio.ensure_future(self._stop(beat, registration, kubelet)))
            if guard.stdin is not None:
                guard.stdin.close()
            await asyncio.to_thread(guard.wait)
            os.close(lock)

    async def _stop(
        self, beat: asyncio.Task[None] | None, registration: Registration | None, kubelet: KubeletServer
    ) -> None:
        if beat is not None:
            beat.cancel()
        if registration is not None:
            with contextlib.suppress(ApiError, aiohttp.ClientError, TimeoutError, OSError):
                async with asyncio.timeout(1):
                    await registration.say(ready=False)
        await self._pods.stop()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        # As a kubelet does: what others need goes last.
        for critical in (False, True):
            workers = [worker for worker in self._workers.values() if worker.critical is critical]
            await asyncio.gather(
                *(worker.shut_down(self._settings.shutdown_grace) for worker in workers), return_exceptions=True
            )
        for informer in self._lookup.informers.values():
            await informer.stop()
        await self._events.stop()
        await kubelet.stop()

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        obj = new if new is not None else old
        if obj is None or self._stopping:
            return
        key = resources.key(obj)
        worker = self._workers.get(key)
        if new is None:
            if (held := self._waiting.get(key)) is not None and resources.uid(held) == resources.uid(obj):
                del self._waiting[key]
            if worker is not None and worker.uid == resources.uid(obj):
                worker.remove()
        elif worker is None:
            self._take_on(new)
        elif worker.uid == resources.uid(new):
            worker.update(new)
        else:
            worker.remove()
            self._waiting[key] = new

    def _take_on(self, pod: Obj) -> None:
        key = resources.key(pod)
        settings = self._settings
        worker = PodWorker(
            pod,
            PodDirs(settings.pods_dir / resources.uid(pod)),
            self._client,
            self._lookup,
            self._images,
            self._events,
            settings,
            {f"limits.{kind}": amount for kind, amount in machine.capacity(settings.root, settings.max_pods).items()},
        )
        self._workers[key] = worker
        task = asyncio.create_task(worker.run(), name=f"pod {key[0]}/{key[1]}")
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._stopping or self._tasks.get(key) is not task:
            return
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("pod worker failed", pod="/".join(key), exc_info=error)
        del self._tasks[key], self._workers[key]
        if (pod := self._waiting.pop(key, None)) is not None:
            self._take_on(pod)

    def _on_reference(self, plural: str, old: Obj | None, new: Obj | None) -> None:
        obj = new if new is not None else old
        if obj is None:
            return
        namespace, name = resources.key(obj)
        for (where, _), worker in self._workers.items():
            if where == namespace and (plural, name) in worker.references:
                worker.refresh()

    def _forget_unknown(self) -> None:
        """Remove the folders of pods that the cluster no longer knows."""
        known = {resources.uid(pod) for pod in self._pods.items()}
        for folder in self._settings.pods_dir.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)


async def _take(root: Path) -> int:
    """Wait for the folder's lock: an agent that was killed leaves it with its watchdog until that is done."""
    deadline = asyncio.get_running_loop().time() + _LOCK_WAIT
    while (lock := leftovers.lock(root)) is None:
        if asyncio.get_running_loop().time() > deadline:
            raise RuntimeError(f"another node agent works in {root}")
        await asyncio.sleep(0.1)
    return lock
