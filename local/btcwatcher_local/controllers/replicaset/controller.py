"""The edge of the ReplicaSet controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import NORMAL, WARNING
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import PODS, REPLICA_SETS, Key, Obj
from btcwatcher_local.controllers.owned import (
    adopt,
    by_controller,
    candidates,
    enqueue_owner,
    enqueue_selecting,
    show_status,
)
from btcwatcher_local.controllers.replicaset.decide import decide, status

if TYPE_CHECKING:
    from btcwatcher_local.controllers.context import Context


class ReplicaSetController:
    """Level-triggered, one key per ReplicaSet."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder.named("replicaset-controller")
        self._sets = context.informer(REPLICA_SETS)
        self._pods = context.informer(PODS)
        self._owners = self._pods.index(by_controller)
        self._deleted: set[str] = set()
        self._queue: WorkQueue[Key] = WorkQueue("replicaset", self.reconcile)
        self._sets.listen(self._on_set)
        self._pods.listen(self._on_pod)
        orphan = enqueue_selecting(self._sets, self._queue.add)
        self._pods.listen(enqueue_owner("ReplicaSet", self._queue.add, orphan=orphan))

    async def run(self) -> None:
        await self._queue.run()

    def _on_set(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(resources.key(new))

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        if new is None and old is not None:
            self._deleted.discard(resources.uid(old))

    async def reconcile(self, key: Key) -> float | None:
        replicaset = self._sets.get(*key)
        if replicaset is None:
            return None
        found = candidates(self._owners, replicaset)
        pods = [self._seen(pod) for pod in await adopt(self._client, REPLICA_SETS, replicaset, PODS, found)]
        decision = decide(replicaset, pods)
        failure: ApiError | None = None
        try:
            for pod in decision.create:
                await self._create(replicaset, pod)
            for pod in decision.delete:
                await self._delete(replicaset, pod)
        except ApiError as error:
            failure = error
        shown, again_after = status(replicaset, pods, times.now(), failure.message if failure else None)
        await show_status(self._client, self._sets, REPLICA_SETS, replicaset, shown)
        if failure is not None:
            raise failure
        return again_after

    def _seen(self, pod: Obj) -> Obj:
        """The pod, going when this process has deleted it: the cache may not know yet, and a second would follow."""
        if resources.uid(pod) not in self._deleted or resources.deleting(pod):
            return pod
        return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": times.rfc3339(times.now())}}

    async def _create(self, replicaset: Obj, pod: Obj) -> None:
        try:
            await self._client.create(PODS, pod)
        except ApiError as error:
            if error.already_exists:
                return  # made a moment ago, the cache will tell
            self._recorder.emit(replicaset, REPLICA_SETS, WARNING, "FailedCreate", f"Error creating: {error.message}")
            raise
        text = f"Created pod: {resources.name(pod)}"
        self._recorder.emit(replicaset, REPLICA_SETS, NORMAL, "SuccessfulCreate", text)

    async def _delete(self, replicaset: Obj, pod: Obj) -> None:
        if await self._client.delete(PODS, *resources.key(pod), uid=resources.uid(pod)):
            self._deleted.add(resources.uid(pod))
            text = f"Deleted pod: {resources.name(pod)}"
            self._recorder.emit(replicaset, REPLICA_SETS, NORMAL, "SuccessfulDelete", text)
