"""reconcile(Strategy): brings the cluster to what the spec asks for, from whatever state it is in.

Level-triggered: it looks at what is, not at what happened, so a lost, repeated or late event changes nothing.
"""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from btcwatcher_crds import names
from btcwatcher_crds.conditions import ConditionType, Reason
from btcwatcher_crds.selecting import facts_of
from btcwatcher_crds.strategy import Mode, State, Strategy
from btcwatcher_operator import events
from btcwatcher_operator.applier import Applier
from btcwatcher_operator.brake import Brake, Part, Turn
from btcwatcher_operator.children.build import Revision, children, render_revision, trial, url
from btcwatcher_operator.children.canonical import short_hash
from btcwatcher_operator.children.market import Market
from btcwatcher_operator.children.volume_claim import as_it_was_made
from btcwatcher_operator.cluster import Cluster
from btcwatcher_operator.confirmation import Confirmation
from btcwatcher_operator.drift import differences, stamped
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.fleet.book import Hold, SwitchBook, held_to
from btcwatcher_operator.fleet.steward import Steward
from btcwatcher_operator.live import LiveNamespaces, allows
from btcwatcher_operator.obstacle import Blocked, Obstacle
from btcwatcher_operator.platform import Platform
from btcwatcher_operator.ports import Age, PortPool, PortPoolExhaustedError
from btcwatcher_operator.preflight import Preflight, Stage
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.recorder import Recorder
from btcwatcher_operator.references import market_of, missing_credentials, source_of, ways_of
from btcwatcher_operator.resources import (
    NAMESPACE,
    POD,
    STATEFUL_SET,
    VOLUME_CLAIM,
    Object,
)
from btcwatcher_operator.rollout import (
    Braked,
    Rollout,
    decide,
    failed,
    is_started,
    trades_live,
    what_runs,
)
from btcwatcher_operator.shared_objects import SharedObjects
from btcwatcher_operator.status import Seen, refused, status
from btcwatcher_operator.store import Key, Store, age_of, child_key
from btcwatcher_operator.troubles import Troubles

log = structlog.get_logger()


class Reconciler:
    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        proxies: ProxyBook,
        exchanges: ExchangeBook,
        switches: SwitchBook,
        steward: Steward,
        ports: PortPool[Key],
        brake: Brake,
        live: LiveNamespaces,
        platform: Platform,
        recorder: Recorder,
        shared: SharedObjects,
    ) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._shared = shared
        self._store = store
        self._proxies = proxies
        self._exchanges = exchanges
        self._switches = switches
        self._steward = steward
        self._ports = ports
        self._brake = brake
        self._live = live
        self._platform = platform
        self._troubles = Troubles(cluster)
        self._applier = Applier(cluster, store)

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Returns after how many seconds another is needed, whatever happens. Raises ClusterError."""
        try:
            await self._reconcile(key)
        finally:
            self._steward.reconciled(key)
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
        hold = self._switches.hold(facts_of(obj))
        rollout: Rollout | None = None
        obstacle: Obstacle | None = None
        confirmation = Confirmation(self._cluster)
        try:
            if strategy.metadata.annotations.get(names.ANNOTATION_RECONCILE) == names.RECONCILE_PAUSED:
                self._brake.forget(key)
                rollout = what_runs(strategy, self._store.children(key))
            else:
                strategy = held_to(strategy, hold)
                strategy = held_to(await self._with_port(key, strategy, age_of(obj), confirmation), hold)
                # Before anything that needs it: a pod whose ServiceAccount is not there is refused.
                await self._shared.ensure(key.namespace)
                source = await source_of(self._cluster, strategy)
                ways = ways_of(self._proxies, strategy)
                market = market_of(self._exchanges, self._platform, strategy)
                wanted = render_revision(strategy, self._platform, self._port(key), source, ways, market)
                live_forbidden = await self._live_forbidden(key, strategy)
                decided = self._decide(key, obj, strategy, wanted, self._identity(market), live_forbidden)
                if decided.barred:
                    raise Blocked(Obstacle(Reason.LIVE_NOT_ALLOWED, decided.barred))
                rollout = decided
                if rollout.part is Part.WAITING and self._brake.turn(key) is Turn.UNKNOWN:
                    # Comes up again once that is known; until then nothing is written that would be taken back.
                    return
                rollout = await self._carry_out(key, obj, strategy, rollout, confirmation)
            live = self._store.children(key)
            pod = live.get((POD.kind, names.pod(strategy.metadata.name)))
            obstacle = await missing_credentials(self._cluster, strategy, pod)
            obstacle = obstacle or await self._troubles.find(key, strategy, live)
        except Blocked as blocked:
            obstacle = blocked.obstacle
            self._note(key, obj, rollout, obstacle)
            if rollout is None:
                rollout = await self._keep(key, obj, strategy, confirmation)
        await self._write_status(key, strategy, rollout, obstacle, hold)

    def _decide(
        self,
        key: Key,
        obj: Object,
        strategy: Strategy,
        wanted: Revision,
        platform: str,
        live_forbidden: str | None,
    ) -> Rollout:
        """What is to run, as far as the brake lets the Strategy; the brake learns of it."""
        live = self._store.children(key)
        while True:
            turn = self._brake.turn(key)
            braked = Braked(turn, platform, self._brake.words(turn))
            rollout = decide(strategy, wanted, live, braked, live_forbidden=live_forbidden)
            self._brake.report(key, age_of(obj), rollout.part, wanted.name)
            # What was reported can make it this Strategy's turn.
            if self._brake.turn(key) is turn or rollout.part is not Part.WAITING:
                return rollout

    def _identity(self, market: Market | None) -> str:
        """Hash of all that a bot gets from the platform, its exchange's cache included."""
        if market is None:
            return self._platform.identity
        return short_hash([self._platform.identity, market.identity])

    async def _keep(self, key: Key, obj: Object, strategy: Strategy, confirmation: Confirmation) -> Rollout | None:
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
        self, key: Key, obj: Object, strategy: Strategy, rollout: Rollout, confirmation: Confirmation
    ) -> Rollout:
        """Brings the children to what was decided. Returns how that went. Raises Blocked."""
        desired = children(strategy, self._platform, self._port(key), rollout.revision, rollout.restarted_at)
        tried = trial(strategy, rollout.candidate) if rollout.candidate else []
        live = self._store.children(key)
        made = [stamped(as_it_was_made(child, live.get(child_key(child)))) for child in desired]
        await self._applier.apply(key, strategy, made, confirmation)
        try:
            await self._applier.apply(key, strategy, [stamped(child) for child in tried], confirmation)
        except Blocked as blocked:
            # The running bot is none the worse for a Job that is refused.
            rollout = _not_tried(strategy, rollout, blocked.obstacle.message)
            self._note(key, obj, rollout, blocked.obstacle)
        await self._applier.prune(key, strategy, [*desired, *tried], confirmation)
        return rollout

    def _port(self, key: Key) -> int:
        return self._ports.allocate(key)

    def _forget(self, key: Key, going: Object | None) -> None:
        """The Strategy is gone or going: its children go by their owner reference, its port goes back to the pool.

        The port of one that is going stays its own: it may be held for days by somebody's finalizer, with its bot.
        """
        self._brake.forget(key)
        self._troubles.forget(key)
        self._applier.forget(key)
        if going is None or going.get("status", {}).get("port") is None:
            self._ports.release(key)

    async def _with_port(self, key: Key, strategy: Strategy, age: Age, confirmation: Confirmation) -> Strategy:
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

    async def _write_status(
        self, key: Key, strategy: Strategy, rollout: Rollout | None, obstacle: Obstacle | None, hold: Hold | None
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
            hold_of_switch=hold,
            resuming=self._resuming(key, strategy, hold),
        )
        wanted = status(seen, datetime.now(UTC))
        now = strategy.status.model_dump(by_alias=True, mode="json", exclude_none=True)
        if not list(differences(wanted, now)) and len(now["conditions"]) == len(wanted["conditions"]):
            return
        await self._apply_status(strategy, wanted)
        for event in events.transitions(strategy, wanted):
            self._recorder.tell(strategy, event)

    def _resuming(self, key: Key, strategy: Strategy, hold: Hold | None) -> bool:
        """Whether a bot that was held is yet to say that it goes on. The condition is the memory of the hold."""
        if hold is not None:
            self._steward.is_held(key)
            return False
        was_held = any(one.type == ConditionType.HELD for one in strategy.status.conditions)
        return was_held and strategy.spec.state is State.RUNNING and self._steward.resumes(key)

    async def _apply_status(self, strategy: Strategy, wanted: Object) -> Strategy:
        metadata = strategy.metadata
        identity = {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        }
        return Strategy.model_validate(await self._put_status(identity, wanted))

    async def _refuse(self, key: Key, obj: Object, error: ValidationError) -> None:
        """A Strategy that the API server took but the contract does not: said in its status, nothing else touched."""
        self._brake.forget(key)
        if obj.get("status", {}).get("port") is None:
            self._ports.release(key)
        first = error.errors()[0]
        sentence = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        wanted = refused(obj, sentence, datetime.now(UTC))
        if list(differences(wanted, obj.get("status", {}))):
            identity = {field: obj["metadata"][field] for field in ("name", "namespace", "uid", "resourceVersion")}
            await self._put_status(identity, wanted)

    async def _put_status(self, identity: Object, wanted: Object) -> Object:
        """Writes the status under the resourceVersion it was made from: another's newer write makes this one fail."""
        applied = await self._cluster.apply(
            {
                "apiVersion": names.API_VERSION,
                "kind": names.STRATEGY_KIND,
                "metadata": identity,
                "status": wanted,
            },
            status=True,
        )
        self._store.put(applied)
        return applied


def _not_tried(strategy: Strategy, rollout: Rollout, message: str) -> Rollout:
    if rollout.candidate is None:
        return rollout
    preflight = Preflight(Stage.FAILED, message)
    hold = failed(strategy, rollout.revision, rollout.candidate, preflight)
    return replace(rollout, hold=hold, preflight=preflight)
