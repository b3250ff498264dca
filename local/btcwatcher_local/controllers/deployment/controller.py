"""The edge of the Deployment controller: reads the caches, does what was decided, writes the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import NORMAL, WARNING
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import DEPLOYMENTS, PODS, REPLICA_SETS, Key, Obj
from btcwatcher_local.controllers.deployment import conditions, revisions, sizes
from btcwatcher_local.controllers.deployment.decide import decide
from btcwatcher_local.controllers.owned import (
    adopt,
    by_controller,
    candidates,
    enqueue_owner,
    enqueue_selecting,
    show_status,
)

if TYPE_CHECKING:
    from btcwatcher_local.controllers.context import Context


class DeploymentController:
    """Level-triggered: every change of a Deployment or a ReplicaSet, and every pod that is over, brings its key."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder.named("deployment-controller")
        self._deployments = context.informer(DEPLOYMENTS)
        self._sets = context.informer(REPLICA_SETS)
        self._pods = context.informer(PODS)
        self._set_owners = self._sets.index(by_controller)
        self._pod_owners = self._pods.index(by_controller)
        self._queue: WorkQueue[Key] = WorkQueue("deployment", self.reconcile)
        self._deployments.listen(self._on_deployment)
        orphan = enqueue_selecting(self._deployments, self._queue.add)
        self._on_set = enqueue_owner("Deployment", self._queue.add, orphan=orphan)
        self._sets.listen(self._on_set)
        self._pods.listen(self._on_pod)

    async def run(self) -> None:
        await self._queue.run()

    def _on_deployment(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(resources.key(new))

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        """Recreate waits for the end of old pods. All else about pods is in the status of their ReplicaSet."""
        pod = new or old
        phase = ((new or {}).get("status") or {}).get("phase")
        if pod is None or (new is not None and phase not in ("Succeeded", "Failed")):
            return
        ref = resources.controller_of(pod)
        if ref is not None and ref.get("kind") == "ReplicaSet":
            self._on_set(None, self._sets.get(resources.namespace(pod), ref["name"]))

    async def reconcile(self, key: Key) -> float | None:
        deployment = self._deployments.get(*key)
        if deployment is None:
            return None
        found = candidates(self._set_owners, deployment)
        sets = await adopt(self._client, DEPLOYMENTS, deployment, REPLICA_SETS, found)
        pods = [pod for item in sets for pod in self._pod_owners.get(resources.uid(item))]
        decision = decide(deployment, sets, pods, times.now())
        if decision.create is not None:
            await self._create(deployment, decision.create)
        if decision.revision is not None:
            await self._annotate(deployment, decision.revision)
        if decision.renew is not None:
            replicaset, patch = decision.renew
            self._sets.note(await self._client.patch(REPLICA_SETS, *resources.key(replicaset), patch))
        for replicaset, count in decision.scale:
            await self._scale(deployment, replicaset, count)
        await show_status(self._client, self._deployments, DEPLOYMENTS, deployment, decision.status)
        for replicaset in decision.delete:
            await self._client.delete(REPLICA_SETS, *resources.key(replicaset), uid=resources.uid(replicaset))
        return decision.again_after

    async def _create(self, deployment: Obj, replicaset: Obj) -> None:
        try:
            await self._client.create(REPLICA_SETS, replicaset)
        except ApiError as error:
            if error.already_exists:
                await self._settle_collision(deployment, replicaset)
                return
            await self._tell_failure(deployment, replicaset, error)
            raise
        self._tell_size(deployment, resources.name(replicaset), 0, sizes.size(replicaset))

    async def _settle_collision(self, deployment: Obj, replicaset: Obj) -> None:
        """A ReplicaSet of that name is there: ours, if the cache lagged behind; else the hash collided."""
        found = await self._client.get(REPLICA_SETS, *resources.key(replicaset))
        if revisions.same(deployment, found):
            return
        count = int((deployment.get("status") or {}).get("collisionCount") or 0) + 1
        patch = {"status": {"collisionCount": count}}
        await self._client.patch(DEPLOYMENTS, *resources.key(deployment), patch, subresource="status")
        raise ApiError(409, "Conflict", f"ReplicaSet name {resources.name(replicaset)} is taken, trying another")

    async def _tell_failure(self, deployment: Obj, replicaset: Obj, error: ApiError) -> None:
        text = f'Failed to create new replica set "{resources.name(replicaset)}": {error.message}'
        self._recorder.emit(deployment, DEPLOYMENTS, WARNING, conditions.NOT_CREATED, text)
        if conditions.deadline(deployment) is not None:
            shown = conditions.Conditions(deployment, times.now())
            shown.set(conditions.PROGRESSING, "False", conditions.NOT_CREATED, text)
            await show_status(self._client, self._deployments, DEPLOYMENTS, deployment, {"conditions": shown.items})

    async def _annotate(self, deployment: Obj, revision: str) -> None:
        uid, annotations = resources.uid(deployment), {revisions.REVISION: revision}
        patch = {"metadata": {"uid": uid, "annotations": annotations}}
        self._deployments.note(await self._client.patch(DEPLOYMENTS, *resources.key(deployment), patch))

    async def _scale(self, deployment: Obj, replicaset: Obj, count: int) -> None:
        key = resources.key(replicaset)
        held = self._sets.get(*key) or replicaset  # this pass may have renewed it
        patch = {
            "metadata": {
                "resourceVersion": resources.meta(held)["resourceVersion"],
                "annotations": sizes.notes(deployment),
            },
            "spec": {"replicas": count},
        }
        self._sets.note(await self._client.patch(REPLICA_SETS, *key, patch))
        self._tell_size(deployment, resources.name(replicaset), sizes.size(replicaset), count)

    def _tell_size(self, deployment: Obj, name: str, before: int, after: int) -> None:
        if before != after:
            way = "up" if after > before else "down"
            text = f"Scaled {way} replica set {name} from {before} to {after}"
            self._recorder.emit(deployment, DEPLOYMENTS, NORMAL, "ScalingReplicaSet", text)
