"""reconcile(Strategy): brings the cluster to what the spec asks for, from whatever state it is in.

Level-triggered: it looks at what is, not at what happened, so a lost, repeated or late event changes nothing.
"""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from btcwatcher_crds import names
from btcwatcher_crds.conditions import Reason
from btcwatcher_crds.strategy import Mode, Strategy
from btcwatcher_operator import events
from btcwatcher_operator.bot_state import read
from btcwatcher_operator.brake import Brake, Part, Turn
from btcwatcher_operator.children.build import Revision, children, render_revision, trial, url
from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.children.volume_claim import as_it_was_made
from btcwatcher_operator.cluster import Cluster, ClusterError
from btcwatcher_operator.drift import applied_hash, differences, stamped
from btcwatcher_operator.live import LiveNamespaces, allows
from btcwatcher_operator.ownership import made_by_post
from btcwatcher_operator.platform import Platform
from btcwatcher_operator.ports import Age, PortPool, PortPoolExhaustedError
from btcwatcher_operator.preflight import Preflight, Stage
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.recorder import Recorder
from btcwatcher_operator.resources import (
    CHILDREN,
    CONFIG_MAP,
    JOB,
    NAMESPACE,
    OPTIONAL,
    POD,
    SECRET,
    STATEFUL_SET,
    STRATEGY,
    VOLUME_CLAIM,
    Object,
    resource_of,
)
from btcwatcher_operator.rollout import (
    Braked,
    Rollout,
    decide,
    failed,
    is_started,
    revision_in_use,
    trades_live,
    what_runs,
)
from btcwatcher_operator.status import Obstacle, Seen, refused, status
from btcwatcher_operator.store import ChildKey, Key, Store, age_of
from btcwatcher_operator.troubles import Troubles

log = structlog.get_logger()

FIELD_REFUSALS = (400, 403, 422)
"""Answers that another try does not change: the API server refuses the object as it is."""

_GATEWAY_API_MISSING = (
    "the cluster does not know the kind HTTPRoute, which was to lead to the bot: install the Gateway API's CRDs and "
    "restart the operator, or unset BTCWATCHER_GATEWAY_NAME; the bot itself is not touched"
)


class Blocked(Exception):  # noqa: N818 - no error of the operator's, but a state of the Strategy
    """The spec cannot be carried out now; the Strategy's status says why."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.message)
        self.obstacle = obstacle


class _Confirmation:
    """That the cached Strategy is what the API server has now: asked once, before a pass changes anything of its.

    A stale cache must not bring a deleted Strategy's children back, nor an older spec.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.given = False

    async def get(self, strategy: Strategy) -> None:
        """Raises ClusterError 409 when the cache lags behind."""
        if self.given:
            return
        metadata = strategy.metadata
        live = await self._cluster.get(STRATEGY, metadata.namespace, metadata.name)
        if (
            live is None
            or live["metadata"]["uid"] != metadata.uid
            or live["metadata"]["resourceVersion"] != metadata.resource_version
            or live["metadata"].get("deletionTimestamp")
        ):
            raise ClusterError(409, "Conflict", "the Strategy is not what the cache says; its event is on the way")
        self.given = True


class Reconciler:
    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        proxies: ProxyBook,
        ports: PortPool[Key],
        brake: Brake,
        live: LiveNamespaces,
        platform: Platform,
        recorder: Recorder,
    ) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._store = store
        self._proxies = proxies
        self._ports = ports
        self._brake = brake
        self._live = live
        self._platform = platform
        self._troubles = Troubles(cluster)
        # Differences that stayed after an apply (a mutating webhook insists): fighting them would never end.
        self._tolerated: dict[tuple[Key, ChildKey], tuple[str, frozenset[str]]] = {}

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Returns after how many seconds another is needed, whatever happens. Raises ClusterError."""
        await self._reconcile(key)
        return self._troubles.look_again(key)

    async def _reconcile(self, key: Key) -> None:
        obj = self._store.strategy(key)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._forget(key, obj)
            return
        try:
            strategy = Strategy.model_validate(obj)
        except ValidationError as error:
            await self._refuse(key, obj, error)
            return
        rollout: Rollout | None = None
        obstacle: Obstacle | None = None
        confirmation = _Confirmation(self._cluster)
        try:
            if strategy.metadata.annotations.get(names.ANNOTATION_RECONCILE) == names.RECONCILE_PAUSED:
                self._brake.forget(key)
                rollout = what_runs(strategy, self._store.children(key))
            else:
                strategy = await self._with_port(key, strategy, age_of(obj), confirmation)
                source = await self._source(strategy)
                wanted = render_revision(strategy, self._platform, self._port(key), source, self._ways(strategy))
                decided = self._decide(key, obj, strategy, wanted, await self._live_forbidden(key, strategy))
                if decided.barred:
                    raise Blocked(Obstacle(Reason.LIVE_NOT_ALLOWED, decided.barred))
                rollout = decided
                if rollout.part is Part.WAITING and self._brake.turn(key) is Turn.UNKNOWN:
                    # Comes up again once that is known; until then nothing is written that would be taken back.
                    return
                rollout = await self._carry_out(key, obj, strategy, rollout, confirmation)
            obstacle = await self._missing_credentials(key, strategy)
            obstacle = obstacle or await self._troubles.find(key, strategy, self._store.children(key))
        except Blocked as blocked:
            obstacle = blocked.obstacle
            self._note(key, obj, rollout, obstacle)
            if rollout is None:
                rollout = await self._keep(key, obj, strategy, confirmation)
        await self._write_status(key, strategy, rollout, obstacle)

    def _decide(
        self, key: Key, obj: Object, strategy: Strategy, wanted: Revision, live_forbidden: str | None
    ) -> Rollout:
        """What is to run, as far as the brake lets the Strategy; the brake learns of it."""
        live = self._store.children(key)
        while True:
            turn = self._brake.turn(key)
            braked = Braked(turn, self._platform.identity, self._brake.words(turn))
            rollout = decide(strategy, wanted, live, braked, live_forbidden=live_forbidden)
            self._brake.report(key, age_of(obj), rollout.part, wanted.name)
            # What was reported can make it this Strategy's turn.
            if self._brake.turn(key) is turn or rollout.part is not Part.WAITING:
                return rollout

    async def _keep(self, key: Key, obj: Object, strategy: Strategy, confirmation: _Confirmation) -> Rollout | None:
        """Looks after what runs while nobody can say what should: it can be suspended, and is put back when edited."""
        live = self._store.children(key)
        rollout = what_runs(strategy, live)
        if rollout is None or self._ports.port_of(key) is None:
            return None
        if not is_started(live, strategy.metadata.name):
            # Nothing is started while it is not known what.
            return rollout
        # What stands in the way of this too is not what has to be said first.
        with contextlib.suppress(Blocked):
            await self._carry_out(key, obj, strategy, rollout, confirmation)
        return rollout

    def _note(self, key: Key, obj: Object, rollout: Rollout | None, obstacle: Obstacle) -> None:
        """Tells the brake of a Strategy that cannot be brought to what was decided."""
        if rollout is None:
            self._brake.forget(key)
        elif rollout.part is Part.MOVING and obstacle.stuck:
            self._brake.report(key, age_of(obj), Part.FAILED, (rollout.candidate or rollout.revision).name)

    async def _carry_out(
        self, key: Key, obj: Object, strategy: Strategy, rollout: Rollout, confirmation: _Confirmation
    ) -> Rollout:
        """Brings the children to what was decided. Returns how that went. Raises Blocked."""
        desired = children(strategy, self._platform, self._port(key), rollout.revision, rollout.restarted_at)
        tried = trial(strategy, rollout.candidate) if rollout.candidate else []
        live = self._store.children(key)
        made = [stamped(as_it_was_made(child, live.get(_child_key(child)))) for child in desired]
        await self._apply(key, strategy, made, confirmation)
        try:
            await self._apply(key, strategy, [stamped(child) for child in tried], confirmation)
        except Blocked as blocked:
            # The running bot is none the worse for a Job that is refused.
            rollout = _not_tried(strategy, rollout, blocked.obstacle.message)
            self._note(key, obj, rollout, blocked.obstacle)
        await self._prune(key, strategy, [*desired, *tried], confirmation)
        return rollout

    def _port(self, key: Key) -> int:
        return self._ports.allocate(key)

    def _forget(self, key: Key, going: Object | None) -> None:
        """The Strategy is gone or going: its children go by their owner reference, its port goes back to the pool.

        The port of one that is going stays its own: it may be held for days by somebody's finalizer, with its bot.
        """
        self._brake.forget(key)
        self._troubles.forget(key)
        for known in [entry for entry in self._tolerated if entry[0] == key]:
            del self._tolerated[known]
        if going is None or going.get("status", {}).get("port") is None:
            self._ports.release(key)

    async def _with_port(self, key: Key, strategy: Strategy, age: Age, confirmation: _Confirmation) -> Strategy:
        """The Strategy with its port in its status, written under its resourceVersion before any child exists."""
        held = strategy.status.port
        if held is not None and self._ports.claim(key, held):
            return strategy
        try:
            port = self._ports.allocate(key, age)
        except PortPoolExhaustedError as error:
            raise Blocked(
                Obstacle(
                    Reason.PORT_POOL_EXHAUSTED,
                    f"{error}: delete a Strategy or widen the range (BTCWATCHER_PORT_RANGE of the operator)",
                )
            ) from error
        # Just what there is to say once the children are made: no second write follows.
        image = strategy.spec.image or self._platform.image
        seen = Seen(strategy, port, url(strategy, self._platform), image, pod=None, volume_claim=None)
        starting = status(seen, datetime.now(UTC))
        updated = await self._apply_status(strategy, starting)
        self._recorder.tell(strategy, events.port_assigned(port))
        # What was written under the Strategy's resourceVersion shows that it is what the cache says.
        confirmation.given = True
        return updated

    async def _live_forbidden(self, key: Key, strategy: Strategy) -> str | None:
        """Why the Strategy's bot may not begin to trade Live; None where it may, or is not to."""
        if strategy.spec.mode is not Mode.LIVE:
            return None
        if not self._live.allow(key.namespace):
            return self._live.sentence(key.namespace)
        if trades_live(self._store.child(key, (STATEFUL_SET.kind, names.stateful_set(key.name)))):
            return None
        # Real money: what a watch said last is not enough for the first step.
        namespace = await self._cluster.get(NAMESPACE, None, key.namespace)
        return None if namespace and allows(namespace) else self._live.sentence(key.namespace)

    async def _source(self, strategy: Strategy) -> str | None:
        """The strategy's Python source; None when the image ships the class."""
        source = strategy.spec.source
        if source is None:
            return None
        if source.inline is not None:
            return source.inline
        reference = source.config_map_ref
        if reference is None:
            raise Blocked(Obstacle(Reason.SPEC_INVALID, "spec.source: give inline or configMapRef"))
        config_map = await self._cluster.get(CONFIG_MAP, strategy.metadata.namespace, reference.name)
        if config_map is None:
            raise Blocked(
                Obstacle(Reason.SOURCE_MISSING, f"spec.source.configMapRef: there is no ConfigMap {reference.name!r}")
            )
        text: str | None = config_map.get("data", {}).get(reference.key)
        if text is None:
            keys = ", ".join(sorted(config_map.get("data", {}))) or "none"
            raise Blocked(
                Obstacle(
                    Reason.SOURCE_MISSING,
                    f"spec.source.configMapRef: {reference.name!r} has no key {reference.key!r} (it has: {keys})",
                )
            )
        return text

    def _ways(self, strategy: Strategy) -> list[ProxySource]:
        """The Proxies that the spec names. Raises Blocked: to leave one out would bring a restart when it comes."""
        wanted = [reference.name for reference in strategy.spec.exchange.proxy_refs]
        found, missing = self._proxies.sources(strategy.metadata.namespace, wanted)
        if missing:
            some = ", ".join(repr(name) for name in missing)
            raise Blocked(Obstacle(Reason.PROXY_MISSING, f"spec.exchange.proxyRefs: there is no Proxy {some}"))
        return found

    async def _missing_credentials(self, key: Key, strategy: Strategy) -> Obstacle | None:
        """Whether the pod waits for a Secret that is not there. The kubelet says so only in Events.

        Asks for the Secret's metadata: its content never reaches the operator. When the Secret comes, the pod goes
        on, and its events bring us here again.
        """
        reference = strategy.spec.exchange.credentials_ref
        pod = self._store.child(key, (POD.kind, names.pod(strategy.metadata.name)))
        if reference is None or pod is None or read(pod).reason is not Reason.STARTING:
            return None
        if await self._cluster.exists(SECRET, strategy.metadata.namespace, reference.name):
            return None
        return Obstacle(
            Reason.CREDENTIALS_MISSING,
            f"spec.exchange.credentialsRef: there is no Secret {reference.name!r}; the bot starts when it is there",
        )

    async def _apply(self, key: Key, strategy: Strategy, desired: list[Object], confirmation: _Confirmation) -> None:
        """Applies the children that differ from what is wanted, in order."""
        for child in desired:
            live = self._store.child(key, _child_key(child))
            if live is not None and _owned_by(live, strategy) and not self._drifted(key, child, live):
                continue
            await confirmation.get(strategy)
            if live is not None and not _owned_by(live, strategy):
                await self._check_foreign(child, strategy)
            await self._apply_child(key, strategy, child, live)

    async def _apply_child(self, key: Key, strategy: Strategy, child: Object, live: Object | None) -> None:
        kind, name = _child_key(child)
        try:
            applied = await (self._make(strategy, child) if live is None else self._change(child, live))
        except ClusterError as error:
            if error.status == 404 and resource_of(child) in OPTIONAL:
                raise Blocked(Obstacle(Reason.GATEWAY_API_MISSING, _GATEWAY_API_MISSING)) from error
            if error.status not in FIELD_REFUSALS:
                raise
            if not _is_immutable(error):
                quota = error.status == 403 and "exceeded quota" in error.message
                reason = Reason.QUOTA_EXCEEDED if quota else Reason.CHILD_REFUSED
                raise Blocked(Obstacle(reason, f"{kind} {name}: {error.message}")) from error
            applied = await self._made_anew(key, child, error)
        left = frozenset(differences(child, applied))
        if left:
            log.warning("fields_insisted_on_by_others", strategy=str(key), child=f"{kind}/{name}", fields=sorted(left))
        self._tolerated[key, (kind, name)] = (applied_hash(child), left)
        self._store.put(applied)
        log.info("applied", strategy=str(key), child=f"{kind}/{name}")

    async def _made_anew(self, key: Key, child: Object, error: ClusterError) -> Object:
        """A StatefulSet with another value in a field that cannot be changed, made around the running pod."""
        live = self._store.child(key, _child_key(child))
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
        return await self._cluster.apply(_under(live, child))

    async def _change(self, child: Object, live: Object) -> Object:
        """Applies a child over what is there, so that a field which is wanted no longer goes."""
        if made_by_post(live) and applied_hash(live) != applied_hash(child):
            live = await self._cluster.hand_over(child)
        return await self._cluster.apply(_under(live, child))

    def _drifted(self, key: Key, desired: Object, live: Object) -> bool:
        if desired["kind"] == JOB.kind:
            # A Job runs once, as it was made: nothing in it can be changed.
            return False
        applied, left = self._tolerated.get((key, _child_key(desired)), ("", frozenset()))
        if applied != applied_hash(desired):
            left = frozenset()
        return any(path not in left for path in differences(desired, live))

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

    async def _prune(self, key: Key, strategy: Strategy, desired: list[Object], confirmation: _Confirmation) -> None:
        """Deletes owned children that are wanted no longer; never a volume claim, and no revision still in use."""
        wanted = {_child_key(child) for child in desired}
        live = self._store.children(key)
        in_use = revision_in_use(live)
        runs = {child["metadata"]["name"] for child in desired if child["kind"] == SECRET.kind}
        kinds = {resource.kind for resource in CHILDREN} - {VOLUME_CLAIM.kind}
        for child_key, child in live.items():
            if child_key in wanted or child_key[0] not in kinds or not _owned_by(child, strategy):
                continue
            if child_key[0] == SECRET.kind and child["metadata"]["labels"].get(names.LABEL_REVISION) in in_use:
                continue
            if child_key[0] == JOB.kind and child_key[1] in runs:
                # Its revision passed and runs now: the Job goes by itself, and until then its log can be read.
                continue
            if not child["metadata"].get("deletionTimestamp"):
                await confirmation.get(strategy)
                await self._cluster.delete(child)
                # Its event may come after the next look; where a finalizer holds it, that brings it back here.
                self._store.remove(child)
                log.info("pruned", strategy=str(key), child="/".join(child_key))

    async def _write_status(
        self, key: Key, strategy: Strategy, rollout: Rollout | None, obstacle: Obstacle | None
    ) -> None:
        live = self._store.children(key)
        name = strategy.metadata.name
        seen = Seen(
            strategy=strategy,
            port=self._ports.port_of(key),
            url=url(strategy, self._platform),
            image=rollout.revision.image if rollout else None,
            pod=live.get((POD.kind, names.pod(name))),
            volume_claim=live.get((VOLUME_CLAIM.kind, names.volume_claim(name))),
            hold=rollout.hold if rollout else None,
            preflight=rollout.preflight if rollout else None,
            revision=rollout.revision.name if rollout else None,
            obstacle=obstacle,
            live_forbidden=None if self._live.allow(key.namespace) else self._live.sentence(key.namespace),
            reconcile=strategy.metadata.annotations.get(names.ANNOTATION_RECONCILE),
        )
        wanted = status(seen, datetime.now(UTC))
        now = strategy.status.model_dump(by_alias=True, mode="json", exclude_none=True)
        if not list(differences(wanted, now)) and len(now["conditions"]) == len(wanted["conditions"]):
            return
        await self._apply_status(strategy, wanted)
        for event in events.transitions(strategy, wanted):
            self._recorder.tell(strategy, event)

    async def _apply_status(self, strategy: Strategy, wanted: Object) -> Strategy:
        """Writes the status under the resourceVersion it was made from: another's newer write makes this one fail."""
        metadata = strategy.metadata
        applied = await self._cluster.apply(
            {
                "apiVersion": names.API_VERSION,
                "kind": names.STRATEGY_KIND,
                "metadata": {
                    "name": metadata.name,
                    "namespace": metadata.namespace,
                    "uid": metadata.uid,
                    "resourceVersion": metadata.resource_version,
                },
                "status": wanted,
            },
            status=True,
        )
        self._store.put(applied)
        return Strategy.model_validate(applied)

    async def _refuse(self, key: Key, obj: Object, error: ValidationError) -> None:
        """A Strategy that the API server took but the contract does not: said in its status, nothing else touched."""
        self._brake.forget(key)
        if obj.get("status", {}).get("port") is None:
            self._ports.release(key)
        first = error.errors()[0]
        sentence = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        wanted = refused(obj, sentence, datetime.now(UTC))
        if list(differences(wanted, obj.get("status", {}))):
            metadata = {key: obj["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
            body = {
                "apiVersion": names.API_VERSION,
                "kind": names.STRATEGY_KIND,
                "metadata": metadata,
                "status": wanted,
            }
            self._store.put(await self._cluster.apply(body, status=True))


def _not_tried(strategy: Strategy, rollout: Rollout, message: str) -> Rollout:
    if rollout.candidate is None:
        return rollout
    preflight = Preflight(Stage.FAILED, message)
    hold = failed(strategy, rollout.revision, rollout.candidate, preflight)
    return replace(rollout, hold=hold, preflight=preflight)


def _under(live: Object | None, child: Object) -> Object:
    """The child as it is to be applied: a StatefulSet only if nobody changed it since it was seen.

    A request of ours that was long on its way, while another replica became the active one, must not bring an older pod
    back: that would restart the bot.
    """
    if live is None or child["kind"] != STATEFUL_SET.kind:
        return child
    return {**child, "metadata": {**child["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}


def _child_key(obj: Object) -> ChildKey:
    return obj["kind"], obj["metadata"]["name"]


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


def _is_immutable(error: ClusterError) -> bool:
    """Whether a StatefulSet is refused for a field that cannot be changed once it is made."""
    return error.status == 422 and "updates to statefulset spec for fields other than" in error.message
