"""What the fleet endpoints take and answer. A `spec` is the custom resource's own, word for word."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from btcwatcher_api.declared import Answer, ConditionAnswer, Input, Namespace, condition, conditions
from btcwatcher_crds.conditions import SwitchConditionType
from btcwatcher_crds.names import FLEET_SWITCH_NAME_MAX_LENGTH, NAME_PATTERN, strategy_id

_SPEC = {"action": "CloseTrades", "exchanges": ["okx"], "orderType": "Market", "reason": "the exchange is in trouble"}


class NewSwitch(Input):
    """A switch to make. It holds what it selects until it is deleted."""

    namespace: Namespace | None = None
    """Whose Strategies it reaches; left out: those of all namespaces."""
    name: Annotated[
        str | None,
        Field(max_length=FLEET_SWITCH_NAME_MAX_LENGTH, pattern=NAME_PATTERN, examples=["out-of-okx"]),
    ] = None
    """Left out: made of its action and the time."""
    spec: Annotated[dict[str, Any], Field(examples=[_SPEC])]
    """The spec of the custom resource; see `kubectl explain fleetswitch.spec`. `dryRun: true` says what would happen.
    `requestedBy` becomes the account that asks."""


class SwitchCounts(Answer):
    """Bots by phase, and their trades."""

    selected: int
    pending: int
    in_progress: int
    blocked: int
    done: int
    open_trades: int
    closed_trades: int


class SwitchBot(Answer):
    """What came of it at one bot."""

    strategy: str
    """<namespace>.<name>"""
    phase: str
    """Pending, InProgress, Blocked or Done."""
    message: str
    open_trades: int | None
    closed_trades: int | None
    since: datetime | None


class SwitchLoss(Answer):
    """What the selected bots have lost so far, of a switch with `onLoss`."""

    amount: str
    """In the currency of `onLoss`; negative: a gain."""
    bots: int
    """Selected bots that trade in this currency."""
    unknown: int
    """Of these, bots whose open trades are not known and not counted."""
    at: datetime | None


class SwitchAnswer(Answer):
    """One switch."""

    id: Annotated[str, Field(examples=["trading.halt", "out-of-okx"])]
    """<namespace>.<name>, or the name alone of one that reaches all namespaces."""
    namespace: str | None
    name: str
    action: str
    dry_run: bool
    active: bool | None
    """Whether it holds what it selects; null before the operator has seen it."""
    complete: bool | None
    """Whether it is done at every bot."""
    reason: str | None
    """Of `complete`: a word from the catalogue of conditions."""
    message: str
    counts: SwitchCounts
    loss: SwitchLoss | None
    """Null without `onLoss`, and before it was counted."""
    tripped_at: datetime | None
    """When the limit of `onLoss` was reached and the switch began."""
    spec: dict[str, Any]
    conditions: list[ConditionAnswer]
    created_at: datetime | None
    completed_at: datetime | None


class SwitchDetail(SwitchAnswer):
    """One switch with its results."""

    bots: list[SwitchBot]
    """Those first that are not done; the first 1000."""


class SwitchPage(Answer):
    """Switches by id."""

    items: list[SwitchAnswer]
    total: int
    next: str | None
    """`after` of the next page; null on the last."""


def answer(item: Mapping[str, Any]) -> SwitchAnswer:
    """Read leniently: what an older or newer contract left out is null or 0."""
    return SwitchAnswer(**_fields(item))


def detail(item: Mapping[str, Any]) -> SwitchDetail:
    bots = [
        SwitchBot(
            strategy=str(one.get("strategy", "")),
            phase=str(one.get("phase", "")),
            message=str(one.get("message", "")),
            open_trades=one.get("openTrades"),
            closed_trades=one.get("closedTrades"),
            since=one.get("since"),
        )
        for one in (item.get("status") or {}).get("bots") or ()
    ]
    return SwitchDetail(**_fields(item), bots=bots)


def id_of(namespace: str, name: str) -> str:
    return strategy_id(namespace, name) if namespace else name


def _fields(item: Mapping[str, Any]) -> dict[str, Any]:
    metadata, status, spec = item["metadata"], item.get("status") or {}, item.get("spec") or {}
    counts, said = status.get("counts") or {}, conditions(item)
    complete = condition(said, SwitchConditionType.COMPLETE)
    namespace = metadata.get("namespace") or ""
    return {
        "id": id_of(namespace, metadata["name"]),
        "namespace": namespace or None,
        "name": metadata["name"],
        "action": str(spec.get("action", "")),
        "dry_run": bool(spec.get("dryRun")),
        "active": _truth(condition(said, SwitchConditionType.ACTIVE)),
        "complete": _truth(complete),
        "reason": complete.reason if complete else None,
        "message": complete.message if complete else "the operator has not taken it up yet",
        "counts": SwitchCounts(
            selected=counts.get("selected", 0),
            pending=counts.get("pending", 0),
            in_progress=counts.get("inProgress", 0),
            blocked=counts.get("blocked", 0),
            done=counts.get("done", 0),
            open_trades=counts.get("openTrades", 0),
            closed_trades=counts.get("closedTrades", 0),
        ),
        "loss": _loss(status.get("loss")),
        "tripped_at": status.get("trippedAt"),
        "spec": spec,
        "conditions": said,
        "created_at": metadata.get("creationTimestamp"),
        "completed_at": status.get("completedAt"),
    }


def _loss(counted: Mapping[str, Any] | None) -> SwitchLoss | None:
    if not counted:
        return None
    return SwitchLoss(
        amount=str(counted.get("amount", "")),
        bots=counted.get("bots", 0),
        unknown=counted.get("unknown", 0),
        at=counted.get("at"),
    )


def _truth(found: ConditionAnswer | None) -> bool | None:
    return {"True": True, "False": False}.get(found.status) if found else None
