"""One pod: brings its containers to where the decisions want them, level-triggered, until the pod is gone."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import structlog

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.node import access, backoff, status
from btcwatcher_local.node.container import Container, Plan, StartError, plan, restore
from btcwatcher_local.node.decide import decide, start_time
from btcwatcher_local.node.env import ConfigError, container_env
from btcwatcher_local.node.images import ImageError
from btcwatcher_local.node.lookup import references
from btcwatcher_local.node.model import ContainerRecord, Terminated, Waiting
from btcwatcher_local.node.statuswriter import StatusWriter
from btcwatcher_local.node.volumes import VolumeError, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from btcwatcher_local.client.events import EventRecorder
    from btcwatcher_local.client.http import Client
    from btcwatcher_local.client.resources import Obj
    from btcwatcher_local.node.images import ImageTable
    from btcwatcher_local.node.lookup import ClusterLookup
    from btcwatcher_local.node.settings import NodeSettings, PodDirs

log = structlog.get_logger(__name__)

_DEFAULT_GRACE = 30
_LEAST_GRACE = 2.0  # the kubelet's own: also a forced deletion lets a process end by itself
_RETRY = 1.0
_CRITICAL = ("system-cluster-critical", "system-node-critical")


class PodWorker:
    """Runs one pod (one uid). `update` is given every new version of the object, `remove` its disappearance."""

    def __init__(
        self,
        pod: Obj,
        dirs: PodDirs,
        client: Client,
        lookup: ClusterLookup,
        images: ImageTable,
        events: EventRecorder,
        settings: NodeSettings,
        node_facts: Mapping[str, str],
    ) -> None:
        self.pod = pod
        self.uid = resources.uid(pod)
        self.key = resources.key(pod)
        self.dirs = dirs
        self.references = references(pod)
        self._client = client
        self._lookup = lookup
        self._images = images
        self._events = events
        self._settings = settings
        self._env_facts = {
            **node_facts,
            "status.podIP": settings.host_ip,
            "status.hostIP": settings.host_ip,
        }
        self._facts = status.Facts(settings.host_ip, settings.host_ip, start_time(pod) or times.now())
        self._writer = StatusWriter(client)
        self._wake = asyncio.Event()
        self._gone = False
        self._told: dict[str, str] = {}
        self._volumes: dict[str, Path] | None = None
        self._volumes_stale = True
        self.containers: dict[str, Container] = {}
        for kind in ("initContainers", "containers"):
            for spec in pod["spec"].get(kind) or []:
                record = ContainerRecord(spec["name"], init=kind == "initContainers")
                restore(record, dirs.container(spec["name"]))
                self.containers[spec["name"]] = Container(
                    spec,
                    record,
                    dirs.container(spec["name"]),
                    settings,
                    on_change=self._wake.set,
                    emit=self._emit,
                )

    @property
    def records(self) -> dict[str, ContainerRecord]:
        return {name: container.record for name, container in self.containers.items()}

    @property
    def critical(self) -> bool:
        """Whether other pods need it, so that it ends after them when the node goes down."""
        return self.pod["spec"].get("priorityClassName") in _CRITICAL

    def update(self, pod: Obj) -> None:
        if resources.version(pod) >= resources.version(self.pod):  # our own write may have told more already
            self.pod = pod
        self._wake.set()

    def remove(self) -> None:
        """The object is gone from the API: end what runs."""
        self._gone = True
        self._wake.set()

    def refresh(self) -> None:
        """Something the pod refers to has changed."""
        self._volumes_stale = True
        self._wake.set()

    async def run(self) -> None:
        """Until the pod is gone and none of its processes is left."""
        while True:
            self._wake.clear()
            try:
                if self._gone or resources.deleting(self.pod):
                    if await self._finish():
                        return
                    delay: float | None = _RETRY
                else:
                    delay = await self._sync()
            except (ApiError, aiohttp.ClientError, TimeoutError) as error:
                log.warning("pod sync failed", pod="/".join(self.key), error=str(error))
                delay = _RETRY
            except Exception:
                log.exception("pod sync failed", pod="/".join(self.key))
                delay = _RETRY * 5
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()

    async def shut_down(self, grace_cap: float) -> None:
        """Stop the containers because the agent ends; the object stays in the API."""
        grace = min(self._grace(), grace_cap)
        await asyncio.gather(
            *(
                container.stop(grace, f"Stopping container {name}: the node agent is shutting down")
                for name, container in self.containers.items()
            )
        )

    def _grace(self) -> float:
        metadata, spec = resources.meta(self.pod), self.pod["spec"]
        for value in (metadata.get("deletionGracePeriodSeconds"), spec.get("terminationGracePeriodSeconds")):
            if value is not None:
                return max(float(value), _LEAST_GRACE)
        return _DEFAULT_GRACE

    async def _sync(self) -> float | None:
        """One step towards the spec; seconds until the next is due at the latest, None for no due date."""
        phase = (self.pod.get("status") or {}).get("phase")
        if phase in status.TERMINAL:
            await self._stop_all("Stopping container {name}")
            return None
        retry: float | None = None
        try:
            await self._mount()
        except VolumeError as error:
            retry = self._settings.config_retry
            self._emit_once("Warning", "FailedMount", str(error), "")
            if self._volumes is None:
                await self._publish()
                return retry
            # The volumes of a running pod stay as they were when a Secret of theirs is deleted.
        now = times.now()
        decision = decide(
            self.pod,
            self.records,
            now,
            reset_after=self._settings.backoff_reset,
            started_at=self._facts.started_at,
        )
        if decision.stop_all:
            self._facts = replace(
                self._facts,
                phase="Failed",
                reason=decision.stop_all,
                message="Pod was active on the node longer than the specified deadline",
            )
            await self._stop_all("Stopping container {name}")
            await self._publish()
            return None
        for name in decision.start:
            if not await self._start(self.containers[name], now):
                retry = self._settings.config_retry
        for name, until in decision.backing_off.items():
            self._back_off(self.containers[name], until)
        await self._publish()
        if retry is None and (renew := self._lookup.tokens.due(self.uid)) is not None:
            retry = max((renew - times.now()).total_seconds(), 0.0)
        return _soonest(retry, decision.wake_at)

    async def _mount(self) -> None:
        renew = self._lookup.tokens.due(self.uid)
        if not self._volumes_stale and self._volumes is not None and (renew is None or times.now() < renew):
            return
        self._volumes_stale = False
        try:
            self._volumes = await prepare(self.pod, self.dirs.volumes, self._lookup, self._env_facts)
        except BaseException:
            self._volumes_stale = True
            raise

    async def _start(self, container: Container, now: datetime) -> bool:
        """Start a container; False when it could not be configured (and is to be tried again)."""
        record, spec = container.record, container.spec
        emit, path = self._emit, container.field_path
        try:
            image = self._images.find(spec.get("image") or "")
        except ImageError as error:
            self._no_image(container, str(error))
            return False
        try:
            given = access.environment(
                self.pod, spec, self._volumes or {}, container.dirs.base, self._client.connection
            )
            env = await container_env(self.pod, spec, {**image.env, **given}, self._lookup, self._env_facts)
            made: Plan = plan(container.dirs, spec, image, env, self._volumes or {})
        except ConfigError as error:
            self._emit_once("Warning", "Failed", f"Error: {error}", path)
            record.waiting = Waiting("CreateContainerConfigError", str(error))
            return False
        except OSError as error:
            self._emit_once("Warning", "Failed", f"Error: {error}", path)
            record.waiting = Waiting("CreateContainerError", str(error))
            return False
        except StartError as error:
            self._failed_start(container, error, now)
            return True
        message = f'Container image "{spec.get("image")}" already present on machine as {image.image_id}'
        emit("Normal", "Pulled", message, path)
        emit("Normal", "Created", f"Created container: {record.name}", path)
        try:
            self._count_restart(record, now)
            container.start(made, image, self._grace())
        except StartError as error:
            self._failed_start(container, error, now)
            return True
        emit("Normal", "Started", f"Started container {record.name}", path)
        return True

    def _no_image(self, container: Container, message: str) -> None:
        """First ErrImagePull, at every later try ImagePullBackOff, as the kubelet has it."""
        record, image, path = container.record, container.spec.get("image"), container.field_path
        if record.waiting is not None and record.waiting.reason in ("ErrImagePull", "ImagePullBackOff"):
            text = f'Back-off pulling image "{image}": ErrImagePull: {message}'
            self._emit_once("Normal", "BackOff", text, path)
            record.waiting = Waiting("ImagePullBackOff", text)
        else:
            self._emit_once("Warning", "Failed", f'Failed to pull image "{image}": {message}', path)
            record.waiting = Waiting("ErrImagePull", message)

    def _count_restart(self, record: ContainerRecord, now: datetime) -> None:
        if not record.container_id:
            return  # the first start of all makes no back-off
        held = record.backoff
        if isinstance(record.state, Terminated):
            held = backoff.effective(held, record.state.finished_at, self._settings.backoff_reset)
        record.backoff = backoff.advanced(held, now, self._settings.backoff_base, self._settings.backoff_cap)

    def _failed_start(self, container: Container, error: StartError, now: datetime) -> None:
        self._count_restart(container.record, now)
        container.failed_to_start(str(error))
        self._emit("Warning", "Failed", f"Error: {error}", container.field_path)
        self._wake.set()

    def _back_off(self, container: Container, until: datetime) -> None:
        record = container.record
        if record.waiting is None and record.backoff is not None:
            name, namespace = resources.name(self.pod), resources.namespace(self.pod)
            message = (
                f"back-off {backoff.spoken(record.backoff.seconds)} restarting failed "
                f"container={record.name} pod={name}_{namespace}({self.uid})"
            )
            record.waiting = Waiting("CrashLoopBackOff", message)
            text = f"Back-off restarting failed container {record.name} in pod {name}_{namespace}({self.uid})"
            self._emit("Warning", "BackOff", text, container.field_path)
            log.debug("container backs off", pod="/".join(self.key), container=record.name, until=str(until))

    async def _stop_all(self, message: str) -> None:
        grace = self._grace()
        await asyncio.gather(
            *(container.stop(grace, message.format(name=name)) for name, container in self.containers.items())
        )

    async def _finish(self) -> bool:
        """End the pod; True when nothing of it is left, neither a process nor the object."""
        ending = asyncio.create_task(self._stop_all("Stopping container {name}"))
        while not ending.done():
            self._wake.clear()
            waking = asyncio.create_task(self._wake.wait())
            await asyncio.wait({ending, waking}, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            for container in self.containers.values():
                container.shorten(self._grace())  # a forced deletion may have come meanwhile
            if not self._gone:
                await self._publish()
        await ending
        if not self._gone:
            await self._publish()
            await self._client.delete(resources.PODS, *self.key, uid=self.uid, grace_seconds=0)
            current = await self._client.get_or_none(resources.PODS, *self.key)
            if current is not None and resources.uid(current) == self.uid:
                return False  # a finalizer holds it
        self._lookup.tokens.forget(self.uid)
        shutil.rmtree(self.dirs.base, ignore_errors=True)
        return True

    async def _publish(self) -> None:
        wanted = status.build(self.pod, self.records, self._facts, times.now())
        written = await self._writer.write(self.pod, wanted)
        if written is not None:
            self.pod = written if resources.uid(written) == self.uid else self.pod

    def _emit(self, kind: str, reason: str, message: str, field_path: str) -> None:
        self._events.emit(self.pod, resources.PODS, kind, reason, message, field_path=field_path)

    def _emit_once(self, kind: str, reason: str, message: str, field_path: str) -> None:
        """Emit what would otherwise be said at every retry only when it is new."""
        if self._told.get(field_path) != message:
            self._told[field_path] = message
            self._emit(kind, reason, message, field_path)


def _soonest(retry: float | None, moment: datetime | None) -> float | None:
    if moment is None:
        return retry
    left = max((moment - times.now()).total_seconds(), 0.0)
    return left if retry is None else min(left, retry)
