"""The status of a Strategy as a pure function of what was decided and what was seen."""

import contextlib
from dataclasses import dataclass
from datetime import datetime

from btcwatcher_crds import names
from btcwatcher_crds.conditions import AnyReason, ConditionType, Reason
from btcwatcher_crds.strategy import Condition, ConditionStatus, Mode, State, Strategy, StrategyStatus
from btcwatcher_crds.termination import CONFIG_REASONS, TerminationReason
from btcwatcher_operator.bot_state import BotState, read
from btcwatcher_operator.fleet.book import Hold as SwitchHold
from btcwatcher_operator.obstacle import Obstacle
from btcwatcher_operator.preflight import Preflight, Stage
from btcwatcher_operator.resources import Object
from btcwatcher_operator.rollout import Hold

MESSAGE_MAX_LENGTH = 1024

RAN = (Reason.RUNNING, Reason.PAUSED, Reason.HANGING, Reason.BOT_STOPPED)
"""Reasons of Ready that only a bot has which has come round."""

_OF_THE_CONFIG = (Reason.SPEC_INVALID, Reason.SOURCE_MISSING, Reason.PROXY_MISSING)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the status is made from."""

    strategy: Strategy
    port: int | None
    url: str | None
    image: str | None
    pod: Object | None
    volume_claim: Object | None
    hold: Hold | None = None
    """Why the bot goes on with an older revision than the spec asks for, if it does."""
    preflight: Preflight | None = None
    """How the revision fares that the spec asks for, while it is tried beside the bot."""
    revision: str | None = None
    """The revision the pod should have."""
    obstacle: Obstacle | None = None
    live_forbidden: str | None = None
    """Why no bot of the namespace may begin to trade Live, if that is so."""
    reconcile: str | None = None
    """The value of the annotation btcwatcher.io/reconcile."""
    hold_of_switch: SwitchHold | None = None
    """The fleet switch that holds the Strategy."""
    resuming: bool = False
    """Whether it was held, and the bot is yet to say that it goes on."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: ConditionStatus
    reason: AnyReason
    message: str


def status(seen: Seen, now: datetime) -> Object:
    """The whole status, to be applied as it is. `now` dates only the conditions whose status changed."""
    bot = _bot(seen)
    verdicts = _verdicts(seen, bot)
    generation = seen.strategy.metadata.generation
    if seen.reconcile == names.RECONCILE_PAUSED:
        # What changed since is not looked at: whoever waits for it must not read that it is done.
        generation = seen.strategy.status.observed_generation or 0
    ready_revision = _revision(seen.pod) if seen.pod and bot.ready else seen.strategy.status.ready_revision
    optional = {"port": seen.port, "url": seen.url, "image": seen.image, "readyRevision": ready_revision}
    return {
        "observedGeneration": generation,
        **{key: value for key, value in optional.items() if value is not None},
        "conditions": _conditions(generation, seen.strategy.status.conditions, verdicts, now),
    }


def refused(obj: Object, sentence: str, now: datetime) -> Object:
    """The status of an object that does not satisfy the contract; its other fields are left as they are."""
    generation = obj["metadata"].get("generation", 0)
    live = obj.get("status", {})
    before = StrategyStatus.model_validate({"conditions": live.get("conditions", [])}).conditions
    verdicts = {
        ConditionType.READY: _false(Reason.SPEC_INVALID, sentence),
        ConditionType.CONFIG_VALID: _false(Reason.SPEC_INVALID, sentence),
        ConditionType.STALLED: _true(Reason.WAITS_FOR_USER, sentence),
    }
    kept = {key: live[key] for key in ("port", "url", "image", "readyRevision") if key in live}
    return {**kept, "observedGeneration": generation, "conditions": _conditions(generation, before, verdicts, now)}


def _verdicts(seen: Seen, bot: BotState) -> dict[ConditionType, _Verdict]:
    ready = _ready(seen, bot)
    spec = seen.strategy.spec
    verdicts = {
        ConditionType.READY: ready,
        ConditionType.CONFIG_VALID: _config_valid(seen, bot),
        ConditionType.STORAGE_READY: _storage_ready(seen),
    }
    if seen.hold:
        verdicts[ConditionType.CONFIG_DRIFT] = _true(seen.hold.reason, seen.hold.message)
    if seen.live_forbidden and spec.mode is Mode.LIVE and spec.state is not State.SUSPENDED:
        verdicts[ConditionType.LIVE_NOT_ALLOWED] = _true(Reason.LIVE_NOT_ALLOWED, seen.live_forbidden)
    if seen.reconcile is not None:
        verdicts[ConditionType.RECONCILE_PAUSED] = _reconcile_paused(seen)
    if (held := _held(seen)) is not None:
        verdicts[ConditionType.HELD] = held
    progress = _progress(seen, bot, ready)
    if progress is not None:
        verdicts[progress[0]] = progress[1]
    return verdicts


def _progress(seen: Seen, bot: BotState, ready: _Verdict) -> tuple[ConditionType, _Verdict] | None:
    """Whether the spec is on its way or stuck; at most one of the two, as kstatus reads them."""
    if ready.status is not ConditionStatus.TRUE:
        stuck = seen.obstacle.stuck if seen.obstacle else bot.stuck
        words = f"{ready.reason}: {ready.message}"
    elif seen.hold and (seen.hold.stuck or seen.hold.in_progress):
        stuck, words = seen.hold.stuck, f"{seen.hold.reason}: {seen.hold.message}"
    else:
        return None
    if stuck:
        return ConditionType.STALLED, _true(Reason.WAITS_FOR_USER, words)
    return ConditionType.RECONCILING, _true(Reason.PROGRESSING, words)


def _held(seen: Seen) -> _Verdict | None:
    if seen.hold_of_switch is not None:
        words = seen.hold_of_switch.sentence
        if seen.reconcile == names.RECONCILE_PAUSED:
            words = f"not carried out while {names.ANNOTATION_RECONCILE} is {names.RECONCILE_PAUSED}: {words}"
        return _true(Reason(seen.hold_of_switch.switch.action.value), words)
    if seen.resuming:
        return _false(Reason.RESUMING, "no fleet switch holds it any more; the bot is told to go on")
    return None


def _reconcile_paused(seen: Seen) -> _Verdict:
    metadata = seen.strategy.metadata
    if seen.reconcile == names.RECONCILE_PAUSED:
        go_on = f"kubectl -n {metadata.namespace} annotate strategy {metadata.name} {names.ANNOTATION_RECONCILE}-"
        return _true(Reason.RECONCILE_PAUSED, f"nothing is changed in the cluster until: {go_on}")
    words = f"annotation {names.ANNOTATION_RECONCILE}: {seen.reconcile!r} says nothing; to pause write"
    return _false(Reason.ANNOTATION_UNKNOWN, f"{words} {names.RECONCILE_PAUSED!r}")


def _bot(seen: Seen) -> BotState:
    ran = any(
        condition.type == ConditionType.READY and condition.reason in RAN
        for condition in seen.strategy.status.conditions
    )
    bot = read(seen.pod, ran_before=ran)
    outdated = seen.pod is not None and _revision(seen.pod) != seen.revision
    if outdated and seen.obstacle is None:
        # What the old pod says is no longer about this spec.
        return BotState(False, Reason.STARTING, "the pod is being replaced")
    return bot


def _ready(seen: Seen, bot: BotState) -> _Verdict:
    if seen.obstacle:
        return _false(seen.obstacle.reason, seen.obstacle.message)
    if seen.strategy.spec.state is State.SUSPENDED:
        if seen.pod is None:
            return _true(Reason.SUSPENDED, f"no pod, as {_asks(seen)} asks; port, data and history stay")
        return _false(Reason.SUSPENDING, "the pod is ending")
    if bot.ready and seen.strategy.spec.state is State.PAUSED and seen.reconcile != names.RECONCILE_PAUSED:
        by_switch = f", as {_asks(seen)} asks" if seen.hold_of_switch else ""
        return _true(Reason.PAUSED, f"the bot is told to open no new trades{by_switch}; open ones are looked after")
    return (_true if bot.ready else _false)(bot.reason, bot.message)


def _asks(seen: Seen) -> str:
    """Who asks for the state that the Strategy is in."""
    return seen.hold_of_switch.switch.title if seen.hold_of_switch else "spec.state"


def _config_valid(seen: Seen, bot: BotState) -> _Verdict:
    if seen.obstacle and seen.obstacle.reason in _OF_THE_CONFIG:
        return _false(seen.obstacle.reason, seen.obstacle.message)
    if seen.hold and seen.preflight:
        return _tried(seen, seen.preflight)
    if bot.preflight and (not bot.preflight_passed or bot.preflight.reason in CONFIG_REASONS):
        return _false(bot.preflight.reason, bot.preflight.message)
    if bot.preflight_passed:
        if not bot.ready and bot.reason in CONFIG_REASONS:
            return _false(bot.reason, bot.message)
        return _true(Reason.VALID, "freqtrade accepts the config and the strategy")
    if seen.obstacle and seen.pod is None:
        return _Verdict(ConditionStatus.UNKNOWN, Reason.PENDING, f"not tried yet: {seen.obstacle.reason} comes first")
    return _Verdict(ConditionStatus.UNKNOWN, Reason.PENDING, "the preflight has not ended yet")


def _tried(seen: Seen, preflight: Preflight) -> _Verdict:
    """What is known of a revision that is tried beside the running bot."""
    if preflight.stage is Stage.FAILED:
        if preflight.said is None:
            return _Verdict(ConditionStatus.UNKNOWN, Reason.PREFLIGHT_FAILED, preflight.message)
        said = preflight.said
        return _false(said.reason if said.reason in CONFIG_REASONS else Reason.PREFLIGHT_FAILED, said.message)
    before = next((one for one in seen.strategy.status.conditions if one.type == ConditionType.CONFIG_VALID), None)
    if (
        before is not None
        and before.status is ConditionStatus.FALSE
        and before.observed_generation == seen.strategy.metadata.generation
    ):
        # It is tried again: until that has ended, what was said of it last holds.
        return _false(_known(before.reason), before.message)
    return _Verdict(ConditionStatus.UNKNOWN, Reason.PENDING, preflight.message)


def _known(reason: str) -> AnyReason:
    with contextlib.suppress(ValueError):
        return TerminationReason(reason)
    return Reason.PREFLIGHT_FAILED


def _storage_ready(seen: Seen) -> _Verdict:
    if seen.volume_claim is None and seen.obstacle:
        return _false(Reason.VOLUME_PENDING, f"not made yet: {seen.obstacle.reason} comes first")
    # One that is not there yet is said to be Pending: it will be when the status is looked at next.
    phase = (seen.volume_claim or {}).get("status", {}).get("phase", "Pending")
    name = names.volume_claim(seen.strategy.metadata.name)
    if phase == "Bound":
        return _true(Reason.BOUND, f"{name} is bound")
    return _false(Reason.VOLUME_PENDING, f"{name} is {phase}")


def _true(reason: AnyReason, message: str) -> _Verdict:
    return _Verdict(ConditionStatus.TRUE, reason, message)


def _false(reason: AnyReason, message: str) -> _Verdict:
    return _Verdict(ConditionStatus.FALSE, reason, message)


def _conditions(
    generation: int, before: list[Condition], verdicts: dict[ConditionType, _Verdict], now: datetime
) -> list[Object]:
    known = {condition.type: condition for condition in before}
    return [_condition(kind, verdict, known.get(kind), generation, now) for kind, verdict in verdicts.items()]


def _condition(
    kind: ConditionType, verdict: _Verdict, before: Condition | None, generation: int, now: datetime
) -> Object:
    same = before is not None and before.status is verdict.status
    since = (before.last_transition_time if before and same else None) or now
    return {
        "type": kind.value,
        "status": verdict.status.value,
        "reason": verdict.reason.value,
        "message": verdict.message[:MESSAGE_MAX_LENGTH],
        "observedGeneration": generation,
        "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _revision(pod: Object) -> str | None:
    label: str | None = pod["metadata"].get("labels", {}).get(names.LABEL_REVISION)
    return label
