"""What is told of a fleet switch, once each: that it begins, is done, needs a person, or is lifted. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from btcwatcher_api.fleet.schemas import SwitchAnswer, answer
from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.routing import EVERY_NAMESPACE, takes
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import SwitchReason

FRESH: Final = timedelta(hours=1)
"""Nobody is told of what happened longer ago: rows that say that it was told may be gone."""
_NOBODY: Final = "unknown"
"""Kubernetes does not say who made an object; the REST API and the plugin write it into spec.requestedBy."""


class Stage(StrEnum):
    BEGUN = "begun"
    DONE = "done"
    BLOCKED = "blocked"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to tell, and its row in the audit log."""

    uid: str
    stage: Stage
    namespace: str
    subject: str
    actor: str
    title: str
    body: str

    @property
    def fingerprint(self) -> str:
        """What is told under one is told once."""
        return f"fleet-{self.uid}-{self.stage}"

    @property
    def action(self) -> str:
        return f"fleetswitch.{self.stage}"


def tellings(item: Mapping[str, Any], now: datetime) -> list[Telling]:
    """Of a switch as it is. A dry run does nothing, so there is nothing to tell."""
    status, switch = item.get("status") or {}, answer(item)
    if switch.dry_run or not status.get("startedAt"):
        return []
    found = []
    if _fresh(status["startedAt"], now):
        whom = f"{switch.counts.selected} bots" if switch.counts.selected != 1 else "one bot"
        found.append(_telling(item, switch, Stage.BEGUN, f"{whom}; {_why(switch)}"))
    if switch.complete and _fresh(status.get("completedAt"), now):
        found.append(_telling(item, switch, Stage.DONE, f"{switch.message}{_trades(switch)}"))
    blocked = next((one for one in switch.conditions if one.reason == SwitchReason.BLOCKED), None)
    if blocked is not None and _fresh(blocked.last_transition_time, now):
        found.append(_telling(item, switch, Stage.BLOCKED, f"{blocked.message}{_trades(switch)}"))
    if any(one.type == "Active" and one.reason == SwitchReason.LIFTED for one in switch.conditions):
        found.append(lifted(item))
    return found


def lifted(item: Mapping[str, Any]) -> Telling:
    """Of one that was deleted, or that a Resume has lifted."""
    switch = answer(item)
    return _telling(item, switch, Stage.LIFTED, "bots that it held go on as their Strategies say")


def channels_for(item: Mapping[str, Any], channels: Iterable[KnownChannel]) -> list[str]:
    """The channels of the namespaces whose bots it selects, and those that listen to them, as namespace/name."""
    home = (item["metadata"].get("namespace") or "") or None
    bots = (item.get("status") or {}).get("bots") or ()
    namespaces = {home} if home else {str(one.get("strategy", "")).partition(".")[0] for one in bots}

    def wanted(channel: KnownChannel) -> bool:
        named = channel.spec.strategies.namespaces if channel.spec and channel.spec.strategies else []
        return channel.namespace in namespaces or EVERY_NAMESPACE in named or not namespaces.isdisjoint(named)

    return sorted(one.key for one in channels if wanted(one) and takes(one.spec, Priority.P0))


def _telling(item: Mapping[str, Any], switch: SwitchAnswer, stage: Stage, body: str) -> Telling:
    title = f"Fleet switch {switch.id}: {switch.action} {_WORDS[stage]}"
    uid = str(item["metadata"].get("uid", ""))
    return Telling(uid, stage, switch.namespace or "", switch.id, _actor(switch), title[:200], body[:4000])


_WORDS: Final = {
    Stage.BEGUN: "begins",
    Stage.DONE: "is done",
    Stage.BLOCKED: "needs a person",
    Stage.LIFTED: "is lifted",
}


def _actor(switch: SwitchAnswer) -> str:
    return str(switch.spec.get("requestedBy") or _NOBODY)


def _trades(switch: SwitchAnswer) -> str:
    if switch.action != "CloseTrades":
        return ""
    return f"; trades closed: {switch.counts.closed_trades}, open: {switch.counts.open_trades}"


def _why(switch: SwitchAnswer) -> str:
    reason = switch.spec.get("reason") or "no reason given"
    if switch.loss is None or switch.tripped_at is None:
        return f"asked for by {_actor(switch)}: {reason}"
    limit = switch.spec.get("onLoss") or {}
    loss = f"{switch.loss.amount} {limit.get('currency', '')} within {limit.get('within', '')}"
    return f"lost {loss}, the limit is {limit.get('amount', '')}; set by {_actor(switch)}: {reason}"


def _fresh(at: str | datetime | None, now: datetime) -> bool:
    if at is None:
        return False
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return now - moment < FRESH
