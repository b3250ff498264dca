"""Brings a Strategy's live children to the desired ones: applies what differs, prunes what is wanted no longer."""

import structlog

from btcwatcher_crds import names
from btcwatcher_crds.conditions import Reason
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.changing import FIELD_REFUSALS, change, is_immutable, under
from btcwatcher_operator.cluster import Cluster, ClusterError
from btcwatcher_operator.confirmation import Confirmation
from btcwatcher_operator.drift import differences
from btcwatcher_operator.obstacle import Blocked, Obstacle
from btcwatcher_operator.resources import (
    CHILDREN,
    JOB,
    OPTIONAL,
    SECRET,
    VOLUME_CLAIM,
    Object,
    resource_of,
)
from btcwatcher_operator.rollout import revision_in_use
from btcwatcher_operator.store import Key, Store, child_key
from btcwatcher_operator.tolerance import Tolerance

log = structlog.get_logger()

_GATEWAY_API_MISSING = (
    "the cluster does not know the kind HTTPRoute, which was to lead to the bot: install the Gateway API's CRDs and "
    "restart the operator, or unset BTCWATCHER_GATEWAY_NAME; the bot itself is not touched"
)


class Applier:
    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._tolerance = Tolerance()

    def forget(self, key: Key) -> None:
        self._tolerance.forget(key)

    async def apply(self, key: Key, strategy: Strategy, desired: list[Object], confirmation: Confirmation) -> None:
        """Applies the children that differ from what is wanted, in order."""
        applied: list[str] = []
        try:
            await self._apply_each(key, strategy, desired, confirmation, applied)
        finally:
            if applied:
                log.info("applied", strategy=str(key), children=applied)

    async def _apply_each(
        self,
        key: Key,
        strategy: Strategy,
        desired: list[Object],
        confirmation: Confirmation,
        applied: list[str],
    ) -> None:
        for child in desired:
            live = self._store.child(key, child_key(child))
            if live is not None and _owned_by(live, strategy) and not self._drifted(key, child, live):
                continue
            await confirmation.get(strategy)
            if live is not None and not _owned_by(live, strategy):
                await self._check_foreign(child, strategy)
            await self._apply_child(key, strategy, child, live)
            applied.append("/".join(child_key(child)))

    async def _apply_child(self, key: Key, strategy: Strategy, child: Object, live: Object | None) -> None:
        kind, name = child_key(child)
        try:
            applied = await (self._make(strategy, child) if live is None else change(self._cluster, child, live))
        except ClusterError as error:
            if error.status == 404 and resource_of(child) in OPTIONAL:
                raise Blocked(Obstacle(Reason.GATEWAY_API_MISSING, _GATEWAY_API_MISSING)) from error
            if error.status not in FIELD_REFUSALS:
                raise
            if not is_immutable(error):
                quota = error.status == 403 and "exceeded quota" in error.message
                reason = Reason.QUOTA_EXCEEDED if quota else Reason.CHILD_REFUSED
                raise Blocked(Obstacle(reason, f"{kind} {name}: {error.message}")) from error
            applied = await self._made_anew(key, child, error)
        if left := self._tolerance.note(key, child, differences(child, applied)):
            log.warning("fields_insisted_on_by_others", strategy=str(key), child=f"{kind}/{name}", fields=sorted(left))
        self._store.put(applied)

    async def _made_anew(self, key: Key, child: Object, error: ClusterError) -> Object:
        """A StatefulSet with another value in a field that cannot be changed, made around the running pod."""
        live = self._store.child(key, child_key(child))
        if live is None or live["metadata"].get("deletionTimestamp"):
            raise error
        log.warning("stateful_set_recreated", strategy=str(key), cause=error.message)
        await self._cluster.delete(live, orphan=True)
        self._store.remove(live)
        return await self._cluster.apply(child)

    async def _make(self, strategy: Strategy, child: Object) -> Object:
        """Makes a child that the cache does not have. The name may be somebody else's: never take that over."""
        try:
            return await self._cluster.create(child)
        except ClusterError as error:
            if error.status != 409:
                raise
        live = await self._check_foreign(child, strategy)
        return await self._cluster.apply(under(live, child))

    def _drifted(self, key: Key, desired: Object, live: Object) -> bool:
        if desired["kind"] == JOB.kind:
            # A Job runs once, as it was made: nothing in it can be changed.
            return False
        return self._tolerance.drifted(key, desired, differences(desired, live))

    async def _check_foreign(self, child: Object, strategy: Strategy) -> Object | None:
        """What has the child's name now, if anything. Raises Blocked when that is not the Strategy's."""
        metadata = child["metadata"]
        live = await self._cluster.get(resource_of(child), metadata["namespace"], metadata["name"])
        if live is None or _owned_by(live, strategy):
            return live
        what = f"{child['kind']} {metadata['name']}"
        if _ours(live):
            # A namesake was deleted a moment ago: its children are still being collected.
            raise Blocked(
                Obstacle(Reason.STARTING, f"{what} of an earlier Strategy is still being removed", stuck=False)
            )
        raise Blocked(
            Obstacle(
                Reason.FOREIGN_OBJECT,
                f"{what} exists and is not the operator's: rename it, delete it or rename the Strategy",
            )
        )

    async def prune(self, key: Key, strategy: Strategy, desired: list[Object], confirmation: Confirmation) -> None:
        """Deletes owned children that are wanted no longer; never a volume claim, and no revision still in use."""
        wanted = {child_key(child) for child in desired}
        live = self._store.children(key)
        in_use = revision_in_use(live)
        runs = {child["metadata"]["name"] for child in desired if child["kind"] == SECRET.kind}
        kinds = {resource.kind for resource in CHILDREN} - {VOLUME_CLAIM.kind}
        for its_key, child in live.items():
            if its_key in wanted or its_key[0] not in kinds or not _owned_by(child, strategy):
                continue
            if its_key[0] == SECRET.kind and child["metadata"]["labels"].get(names.LABEL_REVISION) in in_use:
                continue
            if its_key[0] == JOB.kind and its_key[1] in runs:
                # Its revision passed and runs now: the Job goes by itself, and until then its log can be read.
                continue
            if not child["metadata"].get("deletionTimestamp"):
                await confirmation.get(strategy)
                await self._cluster.delete(child)
                # Its event may come after the next look; where a finalizer holds it, that brings it back here.
                self._store.remove(child)
                log.info("pruned", strategy=str(key), child="/".join(its_key))


def _ours(live: Object) -> bool:
    managed: bool = live["metadata"].get("labels", {}).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY
    return managed


def _owned_by(live: Object, strategy: Strategy) -> bool:
    """Whether the object is this Strategy's: by owner reference, or a retained volume claim by its labels."""
    owners = live["metadata"].get("ownerReferences", [])
    if owners:
        return any(owner["uid"] == strategy.metadata.uid for owner in owners)
    label: str | None = live["metadata"].get("labels", {}).get(names.LABEL_STRATEGY)
    return _ours(live) and label == strategy.metadata.name
