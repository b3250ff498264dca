"""The edge of the StatefulSet controller: reads the caches, does what was decided, writes the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import NORMAL, WARNING
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import (
    CONTROLLER_REVISIONS,
    PODS,
    PVCS,
    STATEFUL_SETS,
    Key,
    Obj,
)
from btcwatcher_local.controllers.owned import (
    ORPHANS,
    adopt,
    by_controller,
    candidates,
    enqueue_owner,
    enqueue_selecting,
)
from btcwatcher_local.controllers.statefulset import pods as pod_rules
from btcwatcher_local.controllers.statefulset import revisions
from btcwatcher_local.controllers.statefulset.decide import decide

if TYPE_CHECKING:
    from btcwatcher_local.controllers.context import Context

log = structlog.get_logger(__name__)


class StatefulSetController:
    """Level-triggered: every change of a set, a pod or a revision puts the set's key into the queue."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder.named("statefulset-controller")
        self._sets = context.informer(STATEFUL_SETS)
        self._pods = context.informer(PODS)
        self._revisions = context.informer(CONTROLLER_REVISIONS)
        self._claims = context.informer(PVCS)
        self._pod_owners = self._pods.index(by_controller)
        self._revision_owners = self._revisions.index(by_controller)
        self._queue: WorkQueue[Key] = WorkQueue("statefulset", self.reconcile)
        self._sets.listen(self._on_set)
        orphan = enqueue_selecting(self._sets, self._queue.add)
        self._pods.listen(enqueue_owner("StatefulSet", self._queue.add, orphan=orphan))
        self._revisions.listen(enqueue_owner("StatefulSet", self._queue.add))

    async def run(self) -> None:
        await self._queue.run()

    def _on_set(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(resources.key(new))

    async def reconcile(self, key: Key) -> float | None:
        statefulset = self._sets.get(*key)
        if statefulset is None:
            return None
        pods = await self._own_pods(statefulset)
        plan = await self._revise(statefulset, pods)
        by_name = {resources.name(item): item for item in [*self._own_revisions(statefulset), plan.update]}
        update = resources.name(plan.update)
        current = (statefulset.get("status") or {}).get("currentRevision") or update
        if current not in by_name:
            current = update
        decision = decide(statefulset, pods, current, update, times.now())
        await self._show(statefulset, decision.status)
        for number, revision in decision.create:
            await self._create(statefulset, by_name[revision], number)
        for pod in decision.delete:
            await self._delete(statefulset, pod)
        return decision.again_after

    def _own_revisions(self, statefulset: Obj) -> list[Obj]:
        return self._revision_owners.get(resources.uid(statefulset))

    async def _own_pods(self, statefulset: Obj) -> list[Obj]:
        found = [
            pod for pod in candidates(self._pod_owners, statefulset) if pod_rules.ordinal(statefulset, pod) is not None
        ]
        return await adopt(self._client, STATEFUL_SETS, statefulset, PODS, found)

    async def _revise(self, statefulset: Obj, pods: list[Obj]) -> revisions.RevisionPlan:
        status = statefulset.get("status") or {}
        used = {pod_rules.revision_of(pod) for pod in pods}
        used |= {status.get("currentRevision", ""), status.get("updateRevision", "")}
        held = self._own_revisions(statefulset)
        # Orphans of an earlier set of the same name and template are taken over with its pods.
        for orphan in self._revision_owners.get((ORPHANS, resources.namespace(statefulset))):
            if resources.selector_matches(statefulset["spec"].get("selector"), resources.labels(orphan)):
                held += await adopt(self._client, STATEFUL_SETS, statefulset, CONTROLLER_REVISIONS, [orphan])
        plan = revisions.plan(statefulset, held, used)
        if resources.deleting(statefulset):
            return plan
        if plan.create is not None:
            try:
                plan.update = await self._client.create(CONTROLLER_REVISIONS, plan.create)
            except ApiError as error:
                if not error.already_exists:
                    raise
                plan.update = await self._same_revision(statefulset, plan.create)
        elif plan.renumber is not None:
            await self._client.patch(CONTROLLER_REVISIONS, *resources.key(plan.update), {"revision": plan.renumber})
        for old in plan.delete:
            await self._client.delete(CONTROLLER_REVISIONS, *resources.key(old), uid=resources.uid(old))
        return plan

    async def _same_revision(self, statefulset: Obj, wanted: Obj) -> Obj:
        """A revision of that name is there: ours, if the cache lagged behind; else the hash collided."""
        found = await self._client.get(CONTROLLER_REVISIONS, *resources.key(wanted))
        if found.get("data") == wanted["data"] and resources.owned_by(found, resources.uid(statefulset)):
            return found
        count = int((statefulset.get("status") or {}).get("collisionCount") or 0) + 1
        status = {"status": {"collisionCount": count}}
        await self._client.patch(STATEFUL_SETS, *resources.key(statefulset), status, subresource="status")
        raise ApiError(409, "Conflict", f"revision name {resources.name(wanted)} is taken, trying another")

    async def _create(self, statefulset: Obj, revision: Obj, number: int) -> None:
        set_name = resources.name(statefulset)
        for claim in pod_rules.claims(statefulset, number):
            if self._claims.get(*resources.key(claim)) is None:
                await self._create_claim(statefulset, claim)
        pod = pod_rules.build(statefulset, revision, number)
        try:
            await self._client.create(PODS, pod)
        except ApiError as error:
            if error.already_exists:
                held = await self._client.get_or_none(PODS, *resources.key(pod))
                if held is None or resources.owned_by(held, resources.uid(statefulset)):
                    return  # made a moment ago, or just going: the cache will tell
            text = f"create Pod {resources.name(pod)} in StatefulSet {set_name} failed error: {error.message}"
            self._recorder.emit(statefulset, STATEFUL_SETS, WARNING, "FailedCreate", text)
            raise
        text = f"create Pod {resources.name(pod)} in StatefulSet {set_name} successful"
        self._recorder.emit(statefulset, STATEFUL_SETS, NORMAL, "SuccessfulCreate", text)

    async def _create_claim(self, statefulset: Obj, claim: Obj) -> None:
        try:
            await self._client.create(PVCS, claim)
        except ApiError as error:
            if not error.already_exists:
                raise
            return
        pod = f"{resources.name(statefulset)}-{resources.name(claim).rpartition('-')[2]}"
        text = f"create Claim {resources.name(claim)} Pod {pod} in StatefulSet {resources.name(statefulset)} success"
        self._recorder.emit(statefulset, STATEFUL_SETS, NORMAL, "SuccessfulCreate", text)

    async def _delete(self, statefulset: Obj, pod: Obj) -> None:
        if await self._client.delete(PODS, *resources.key(pod), uid=resources.uid(pod)):
            text = f"delete Pod {resources.name(pod)} in StatefulSet {resources.name(statefulset)} successful"
            self._recorder.emit(statefulset, STATEFUL_SETS, NORMAL, "SuccessfulDelete", text)

    async def _show(self, statefulset: Obj, status: Obj) -> None:
        held = statefulset.get("status") or {}
        if all(held.get(field, 0) == value for field, value in status.items()):
            return
        patch = {"metadata": {"uid": resources.uid(statefulset)}, "status": status}
        written = await self._client.patch(STATEFUL_SETS, *resources.key(statefulset), patch, subresource="status")
        self._sets.note(written)
