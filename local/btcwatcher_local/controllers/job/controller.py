"""The edge of the Job controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import NORMAL, WARNING
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import JOBS, PODS, Key, Obj
from btcwatcher_local.controllers.job.decide import decide
from btcwatcher_local.controllers.owned import by_controller, enqueue_owner

if TYPE_CHECKING:
    from btcwatcher_local.controllers.context import Context


class JobController:
    """Level-triggered, one key per Job."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder.named("job-controller")
        self._jobs = context.informer(JOBS)
        self._pods = context.informer(PODS)
        self._owners = self._pods.index(by_controller)
        self._queue: WorkQueue[Key] = WorkQueue("job", self.reconcile, workers=4)
        self._jobs.listen(self._on_job)
        self._pods.listen(enqueue_owner("Job", self._queue.add))

    async def run(self) -> None:
        await self._queue.run()

    def _on_job(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(resources.key(new))

    async def reconcile(self, key: Key) -> float | None:
        job = self._jobs.get(*key)
        if job is None or resources.deleting(job) or not _ours(job):
            return None
        pods = self._owners.get(resources.uid(job))
        decision = decide(job, pods, times.now())
        if decision.expired:
            await self._client.delete(JOBS, *key, uid=resources.uid(job), propagation="Foreground")
            return None
        if decision.status:
            await self._show(job, decision.status)
        for kind, reason, message in decision.events:
            self._recorder.emit(job, JOBS, kind, reason, message)
        for pod in decision.create:
            await self._create(job, pod)
        for pod in decision.delete:
            if await self._client.delete(PODS, *resources.key(pod), uid=resources.uid(pod)):
                text = f"Deleted pod: {resources.name(pod)}"
                self._recorder.emit(job, JOBS, NORMAL, "SuccessfulDelete", text)
        return decision.again_after

    async def _create(self, job: Obj, pod: Obj) -> None:
        try:
            await self._client.create(PODS, pod)
        except ApiError as error:
            if error.already_exists:
                return  # made a moment ago, the cache will tell
            self._recorder.emit(job, JOBS, WARNING, "FailedCreate", f"Error creating: {error.message}")
            raise
        text = f"Created pod: {resources.name(pod)}"
        self._recorder.emit(job, JOBS, NORMAL, "SuccessfulCreate", text)

    async def _show(self, job: Obj, status: Obj) -> None:
        held = job.get("status") or {}
        if all((held.get(field) or None) == (value or None) for field, value in status.items()):
            return
        patch = {
            "metadata": {"resourceVersion": resources.meta(job)["resourceVersion"]},
            "status": status,
        }
        self._jobs.note(await self._client.patch(JOBS, *resources.key(job), patch, subresource="status"))


def _ours(job: Obj) -> bool:
    managed_by = job["spec"].get("managedBy")
    return managed_by in (None, "", "kubernetes.io/job-controller")
