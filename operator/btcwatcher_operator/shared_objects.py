"""Keeps, in every namespace with Strategies, what their bots share: a ServiceAccount and a NetworkPolicy.

They are there before the first bot that needs them, and go after the last one. Level-triggered, from the cache: while
nothing has changed nobody is asked.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator

import structlog

from btcwatcher_crds import names
from btcwatcher_crds.conditions import Reason
from btcwatcher_operator.changing import FIELD_REFUSALS, change
from btcwatcher_operator.children.shared import shared_children
from btcwatcher_operator.cluster import Cluster, ClusterError
from btcwatcher_operator.drift import ANNOTATION_APPLIED, differences, stamped
from btcwatcher_operator.obstacle import Blocked, Obstacle
from btcwatcher_operator.platform import Shared
from btcwatcher_operator.resources import NETWORK_POLICY, STRATEGY, Object, resource_of
from btcwatcher_operator.store import ChildKey, Key, Store, child_key, shared_key, version_of
from btcwatcher_operator.tolerance import Tolerance

log = structlog.get_logger()

ASKED_AGAIN_SECONDS = 10.0
"""How often what stands in the way is looked at again: no watch shows what is not ours."""


class SharedObjects:
    def __init__(self, cluster: Cluster, store: Store, shared: Shared) -> None:
        self._cluster = cluster
        self._store = store
        self._shared = shared
        self._tolerance = Tolerance()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Namespace -> versions of its objects that were found to be, or made, as they should be.
        self._good: dict[str, dict[ChildKey, int]] = {}
        # Namespace -> when something stood in the way, and what.
        self._blocked: dict[str, tuple[float, Obstacle]] = {}
        self._woken: set[str] = set()

    async def ensure(self, namespace: str) -> None:
        """Sees to it that the objects are as they should be. Raises Blocked where they cannot be, and ClusterError."""
        if self._is_good(namespace):
            return
        async with self._locks[namespace]:
            if self._is_good(namespace):
                return
            at, obstacle = self._blocked.get(namespace, (0.0, None))
            # A thousand Strategies need not all ask.
            if obstacle is not None and time.monotonic() - at < ASKED_AGAIN_SECONDS / 2:
                raise Blocked(obstacle)
            await self._bring(namespace)

    async def reconcile(self, namespace: str) -> None:
        """One pass. What stands in the way is told by the namespace's Strategies, of `woken`. Raises ClusterError."""
        with contextlib.suppress(Blocked):
            await self._reconcile(namespace)

    def woken(self) -> set[str]:
        """Namespaces where, since this was asked last, something came in the way or went out of it."""
        woken, self._woken = self._woken, set()
        return woken

    def blocked(self) -> Iterator[str]:
        """Namespaces to be looked at again in ASKED_AGAIN_SECONDS."""
        return iter(self._blocked)

    async def _reconcile(self, namespace: str) -> None:
        async with self._locks[namespace]:
            if any(key.namespace == namespace for key in self._store.strategies()):
                if not self._is_good(namespace):
                    await self._bring(namespace)
            elif not self._store.has_pods(namespace):
                await self._remove(namespace)

    def _is_good(self, namespace: str) -> bool:
        good = self._good.get(namespace)
        return good is not None and good == self._store.versions(shared_key(namespace))

    async def _bring(self, namespace: str) -> None:
        try:
            good = await self._carry_out(namespace)
        except Blocked as blocked:
            if namespace not in self._blocked:
                log.warning("shared_objects_blocked", namespace=namespace, cause=str(blocked))
                self._woken.add(namespace)
            self._blocked[namespace] = time.monotonic(), blocked.obstacle
            raise
        if self._blocked.pop(namespace, None):
            self._woken.add(namespace)
        self._good[namespace] = good

    async def _carry_out(self, namespace: str) -> dict[ChildKey, int]:
        """Applies what differs and deletes what is wanted no longer. The versions that are good then."""
        key = shared_key(namespace)
        good: dict[ChildKey, int] = {}
        confirmed = False
        for child in [stamped(child) for child in shared_children(namespace, self._shared)]:
            its_key = child_key(child)
            live = self._store.child(key, its_key)
            if live is None or self._tolerance.drifted(key, child, _different(child, live)):
                if not confirmed:
                    await self._confirm(namespace)
                    confirmed = True
                live = await self._apply(child, live)
                if left := self._tolerance.note(key, child, _different(child, live)):
                    what = "/".join(its_key)
                    log.warning("fields_insisted_on_by_others", namespace=namespace, child=what, fields=sorted(left))
                log.info("applied", namespace=namespace, children=["/".join(its_key)])
                self._store.put(live)
            good[its_key] = version_of(live)
        for its_key in set(self._store.versions(key)) - set(good):
            await self._delete(key, its_key)
        return good

    async def _apply(self, child: Object, live: Object | None) -> Object:
        try:
            return await (self._make(child) if live is None else change(self._cluster, child, live))
        except ClusterError as error:
            if error.status not in FIELD_REFUSALS:
                raise
            what = f"{child['kind']} {names.SHARED_NAME}, which the namespace's bots need"
            raise Blocked(Obstacle(Reason.CHILD_REFUSED, f"{what}: {error.message}")) from error

    async def _make(self, child: Object) -> Object:
        """Makes what the cache does not have. The name may be somebody else's: never take that over."""
        try:
            return await self._cluster.create(child)
        except ClusterError as error:
            if error.status != 409:
                raise
            live = await self._cluster.get(resource_of(child), child["metadata"]["namespace"], names.SHARED_NAME)
            if live is None:
                raise
        if not _ours(live):
            sentence = (
                f"{child['kind']} {names.SHARED_NAME} exists and is not the operator's, which keeps one of this name "
                "for all bots of the namespace: rename or delete it"
            )
            raise Blocked(Obstacle(Reason.FOREIGN_OBJECT, sentence))
        return await change(self._cluster, child, live)

    async def _confirm(self, namespace: str) -> None:
        """That there is a Strategy in the namespace: a stale cache must not bring anything back."""
        for key in self._store.strategies():
            if key.namespace == namespace:
                live = await self._cluster.get(STRATEGY, *key)
                if live is not None and not live["metadata"].get("deletionTimestamp"):
                    return
        raise ClusterError(409, "Conflict", "the namespace has no Strategy any more; its event is on the way")

    async def _remove(self, namespace: str) -> None:
        key = shared_key(namespace)
        self._blocked.pop(namespace, None)
        self._good.pop(namespace, None)
        self._tolerance.forget(key)
        if not (there := self._store.versions(key)):
            return
        # Seldom, and it takes a wall away: the cache may lag behind.
        listed, _ = await self._cluster.list(STRATEGY, namespace=namespace)
        if listed:
            raise ClusterError(409, "Conflict", "the namespace has a Strategy; its event is on the way")
        for its_key in there:
            await self._delete(key, its_key)

    async def _delete(self, key: Key, its_key: ChildKey) -> None:
        live = self._store.child(key, its_key)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        await self._cluster.delete(live)
        self._store.remove(live)
        log.info("pruned", namespace=key.namespace, child="/".join(its_key))


def _different(desired: Object, live: Object) -> Iterator[str]:
    """As everywhere what is not desired is nobody's concern, but in a policy each word more lets something through."""
    if desired["kind"] != NETWORK_POLICY.kind:
        yield from differences(desired, live)
        return
    yield from differences({key: value for key, value in desired.items() if key != "spec"}, live)
    if desired["spec"] != live.get("spec"):
        yield ".spec"


def _ours(live: Object) -> bool:
    """By its label, or, where somebody took that away, by what only the operator writes."""
    metadata = live["metadata"]
    labelled = metadata.get("labels", {}).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY
    return labelled or ANNOTATION_APPLIED in metadata.get("annotations", {})
