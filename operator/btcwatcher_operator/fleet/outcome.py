"""The status of a switch from its results: pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from btcwatcher_crds.conditions import SwitchConditionType, SwitchReason
from btcwatcher_crds.fleet_switch import BOTS_MAX, BotPhase, BotResult, SwitchAction
from btcwatcher_crds.strategy import ConditionStatus
from btcwatcher_operator.fleet.known import Switch
from btcwatcher_operator.resources import Object

_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"
_ORDER: Final = (BotPhase.BLOCKED, BotPhase.PENDING, BotPhase.IN_PROGRESS, BotPhase.DONE)
_NAMED: Final = 3
"""So many bots a sentence names."""


def status(switch: Switch, results: Mapping[str, BotResult], now: datetime) -> Object:
    """The whole status, to be applied as it is."""
    before = switch.parsed.status
    phases = {phase: [one for one in results.values() if one.phase is phase] for phase in BotPhase}
    complete, reason, message = _complete(switch, phases)
    completed = before.completed_at or (now if complete else None)
    built: Object = {
        "observedGeneration": switch.parsed.metadata.generation,
        **({} if switch.armed else {"startedAt": (before.started_at or now).strftime(_STAMP)}),
        "counts": {
            "selected": len(results),
            "pending": len(phases[BotPhase.PENDING]),
            "inProgress": len(phases[BotPhase.IN_PROGRESS]),
            "blocked": len(phases[BotPhase.BLOCKED]),
            "done": len(phases[BotPhase.DONE]),
            "openTrades": sum(one.open_trades or 0 for one in results.values()),
            "closedTrades": sum(one.closed_trades or 0 for one in results.values()),
        },
        "lifted": [one.model_dump(by_alias=True, mode="json", exclude_defaults=True) for one in before.lifted],
        "bots": [_bot(one) for one in _sorted(results.values())[:BOTS_MAX]],
        "conditions": _conditions(switch, complete, reason, message, now),
    }
    if complete and completed:
        built["completedAt"] = completed.strftime(_STAMP)
    return built


def _complete(switch: Switch, phases: Mapping[BotPhase, list[BotResult]]) -> tuple[bool, SwitchReason, str]:
    waiting = [*phases[BotPhase.PENDING], *phases[BotPhase.IN_PROGRESS]]
    blocked, done = phases[BotPhase.BLOCKED], phases[BotPhase.DONE]
    total = len(waiting) + len(blocked) + len(done)
    if switch.armed:
        return False, SwitchReason.ARMED, f"begins {_limit(switch)}"
    if not total:
        nothing = (
            "no Strategy matches" if switch.action is not SwitchAction.RESUME else "no switch held what it selects"
        )
        return True, SwitchReason.NOTHING_SELECTED, nothing
    so_far = f"{len(done)} of {total} bots are done"
    if waiting:
        return False, SwitchReason.IN_PROGRESS, f"{so_far}; not yet: {_named(waiting)}"
    if blocked:
        return False, SwitchReason.BLOCKED, f"{so_far}; a person must help: {_named(blocked)}"
    return True, SwitchReason.ALL_DONE, f"done at {'the one bot' if total == 1 else f'all {total} bots'}"


def _named(results: Iterable[BotResult]) -> str:
    ordered = _sorted(results)
    named = "; ".join(f"{one.strategy}: {one.message}" for one in ordered[:_NAMED])
    more = len(ordered) - _NAMED
    return f"{named}; and {more} more" if more > 0 else named


def _sorted(results: Iterable[BotResult]) -> list[BotResult]:
    return sorted(results, key=lambda one: (_ORDER.index(one.phase), one.strategy))


def _bot(result: BotResult) -> Object:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


def _conditions(switch: Switch, complete: bool, reason: SwitchReason, message: str, now: datetime) -> list[Object]:
    active, why, words = _active(switch)
    verdicts = [
        (SwitchConditionType.ACTIVE, active, why, words),
        (SwitchConditionType.COMPLETE, complete, reason, message),
    ]
    if not complete and not switch.armed:
        kind = SwitchConditionType.STALLED if reason is SwitchReason.BLOCKED else SwitchConditionType.RECONCILING
        verdicts.append((kind, True, reason, message))
    before = {one.type: one for one in switch.parsed.status.conditions}
    built = []
    for kind, verdict, because, said in verdicts:
        word = ConditionStatus.TRUE if verdict else ConditionStatus.FALSE
        old = before.get(kind)
        since = old.last_transition_time if old and old.status is word and old.last_transition_time else now
        built.append(
            {
                "type": kind.value,
                "status": word.value,
                "reason": because.value,
                "message": said[:1024],
                "observedGeneration": switch.parsed.metadata.generation,
                "lastTransitionTime": since.strftime(_STAMP),
            }
        )
    return built


def _active(switch: Switch) -> tuple[bool, SwitchReason, str]:
    if switch.parsed.spec.dry_run:
        return False, SwitchReason.DRY_RUN, "a dry run: nothing is done and nobody is held"
    if switch.action is SwitchAction.RESUME:
        return False, SwitchReason.ONCE, "a Resume lifts what is older than itself, and holds nobody"
    if switch.armed:
        return False, SwitchReason.ARMED, f"holds nobody; begins {_limit(switch)}"
    if switch.lifted_whole:
        by = ", ".join(one.by for one in switch.parsed.status.lifted)
        return False, SwitchReason.LIFTED, f"lifted by {by}"
    some = f"; lifted in part by {', '.join(one.by for one in switch.parsed.status.lifted)}"
    partly = some if switch.parsed.status.lifted else ""
    return True, SwitchReason.HOLDS, f"holds what it selects{partly}; lift it with: {switch.lift}"


def _limit(switch: Switch) -> str:
    limit = switch.parsed.spec.on_loss
    return f"at a loss of {limit.amount} {limit.currency} within {limit.within}" if limit else ""
