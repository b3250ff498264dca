"""Events for `kubectl describe`: written in the background, repeated ones counted up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import aiohttp
import structlog

from btcwatcher_local.client import times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.resources import EVENTS, Obj, Resource, meta, name, namespace, uid

if TYPE_CHECKING:
    from btcwatcher_local.client.http import Client

log = structlog.get_logger(__name__)

NORMAL = "Normal"
WARNING = "Warning"

_REMEMBERED = 4096
_MESSAGE_LIMIT = 1024


class NamedRecorder:
    """A recorder that speaks for one component."""

    def __init__(self, recorder: EventRecorder, component: str) -> None:
        self._recorder = recorder
        self._component = component

    def emit(self, obj: Obj, resource: Resource, kind: str, reason: str, message: str) -> None:
        self._recorder.emit(obj, resource, kind, reason, message, component=self._component)


class EventRecorder:
    """Emits core/v1 Events. The same (object, reason, message) raises the count of the first one."""

    def __init__(self, client: Client, component: str, host: str = "") -> None:
        self._client = client
        self._component = component
        self._host = host
        self._queue: asyncio.Queue[tuple[tuple[str, ...], Obj]] = asyncio.Queue(maxsize=10_000)
        self._seen: dict[tuple[str, ...], Obj] = {}
        self._task: asyncio.Task[None] | None = None
        self._last_stamp = 0

    def named(self, component: str) -> NamedRecorder:
        return NamedRecorder(self, component)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"events {self._component}")

    async def stop(self) -> None:
        """Give what is queued two seconds to leave, then end."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._queue.join()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def emit(
        self,
        obj: Obj,
        resource: Resource,
        kind: str,
        reason: str,
        message: str,
        *,
        field_path: str = "",
        component: str = "",
    ) -> None:
        """Queue an Event about `obj`; never blocks and never fails the caller.

        `component` is who says it, the recorder's own by default.
        """
        component = component or self._component
        now = times.rfc3339(times.now())
        involved: Obj = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "name": name(obj),
            "uid": uid(obj),
            "resourceVersion": str(meta(obj).get("resourceVersion") or ""),
        }
        if resource.namespaced:
            involved["namespace"] = namespace(obj)
        if field_path:
            involved["fieldPath"] = field_path
        source = {"component": component}
        if self._host:
            source["host"] = self._host
        event: Obj = {
            # Named by the time, as Kubernetes does: Events of one second then list in their order.
            "metadata": {
                "namespace": namespace(obj) or "default",
                "name": f"{name(obj)[:230]}.{self._stamp():x}",
            },
            "involvedObject": involved,
            "reason": reason,
            "message": message[:_MESSAGE_LIMIT],
            "type": kind,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "reportingComponent": component,
            "reportingInstance": self._host,
        }
        identity = (uid(obj), resource.kind, name(obj), field_path, kind, reason, message)
        try:
            self._queue.put_nowait((identity, event))
        except asyncio.QueueFull:
            log.warning("event dropped, queue is full", reason=reason)

    def _stamp(self) -> int:
        self._last_stamp = max(time.time_ns(), self._last_stamp + 1)
        return self._last_stamp

    async def _run(self) -> None:
        while True:
            identity, event = await self._queue.get()
            try:
                await self._write(identity, event)
            except (ApiError, aiohttp.ClientError, OSError) as error:
                log.debug("event not written", reason=event["reason"], error=str(error))
            finally:
                self._queue.task_done()

    async def _write(self, identity: tuple[str, ...], event: Obj) -> None:
        known = self._seen.get(identity)
        if known is not None:
            patch = {"count": int(known.get("count") or 1) + 1, "lastTimestamp": event["lastTimestamp"]}
            try:
                self._remember(identity, await self._client.patch(EVENTS, namespace(known), name(known), patch))
                return
            except ApiError as error:
                if not error.not_found:
                    raise
        self._remember(identity, await self._client.create(EVENTS, event))

    def _remember(self, identity: tuple[str, ...], event: Obj) -> None:
        self._seen.pop(identity, None)
        self._seen[identity] = event
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
