"""What a channel's status says, and which Events its changes are: pure, over its spec and its shared state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.schedule.quiet import unknown_time_zone
from btcwatcher_api.notifications.worker.states import SharedState
from btcwatcher_crds.conditions import ChannelConditionType, ChannelReason
from btcwatcher_crds.names import API_VERSION, NOTIFICATION_CHANNEL_KIND
from btcwatcher_crds.strategy import ConditionStatus

FIELD_MANAGER: Final = "btcwatcher-worker"
MESSAGE_MAX_LENGTH: Final = 1024
_COMPARED: Final = ("type", "status", "reason", "message", "observedGeneration")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    type: Literal["Normal", "Warning"]
    reason: ChannelReason
    message: str


@dataclass(frozen=True, slots=True)
class Template:
    """What is known of a channel's own template: `trouble` is what is wrong with it."""

    trouble: str | None


def status_of(known: KnownChannel, state: SharedState, template: Template | None, now: datetime) -> Object:
    """The status as it should be. Without a word on the template, what the status says of it stays."""
    generation = known.item["metadata"].get("generation")
    before = {one["type"]: one for one in known.item["status"].get("conditions") or () if "type" in one}
    told = [_ready(known, state)]
    if known.spec is not None and not known.spec.suspend and state.paused_until is not None:
        told.append(_paused(state))
    if known.spec is not None and known.spec.template is not None:
        valid = _template(template, before.get(ChannelConditionType.TEMPLATE_VALID))
        told += [valid] if valid is not None else []
    conditions = []
    for kind, status, reason, message in told:
        old = before.get(kind) or {}
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        conditions.append(
            {
                "type": str(kind),
                "status": str(status),
                "reason": reason,
                "message": message[:MESSAGE_MAX_LENGTH],
                "lastTransitionTime": since or _stamp(now),
                **({"observedGeneration": generation} if generation is not None else {}),
            }
        )
    return {
        "conditions": conditions,
        **({"observedGeneration": generation} if generation is not None else {}),
    }


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two statuses say the same."""

    def said(status: Mapping[str, Any]) -> Any:
        conditions = status.get("conditions") or ()
        return status.get("observedGeneration"), sorted(
            tuple(str(condition.get(name)) for name in _COMPARED) for condition in conditions
        )

    return bool(said(one) == said(other))


def applied(known: KnownChannel, status: Object) -> Object:
    """The object to apply to the status subresource."""
    return {
        "apiVersion": API_VERSION,
        "kind": NOTIFICATION_CHANNEL_KIND,
        "metadata": {"name": known.name, "namespace": known.namespace},
        "status": status,
    }


def events_of(before: SharedState, after: SharedState) -> Iterator[Event]:
    """What a person would want to read of a change."""
    if before.paused_until is None and after.paused_until is not None:
        yield Event("Warning", ChannelReason.PAUSED, f"paused, since it failed: {_last(after)}")
    elif before.failures == 0 and after.failures > 0:
        yield Event("Warning", _reason(after), _last(after))
    elif before.failures > 0 and after.failures == 0:
        yield Event("Normal", ChannelReason.RECOVERED, f"a message was taken again, after {before.failures} failures")
    if after.last_reason == ChannelReason.REJECTED and before.last_reason != ChannelReason.REJECTED:
        yield Event("Warning", ChannelReason.REJECTED, _last(after))


def event_manifest(known: KnownChannel, event: Event, now: datetime) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{known.name}.", "namespace": known.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": NOTIFICATION_CHANNEL_KIND,
            "name": known.name,
            "namespace": known.namespace,
            "uid": known.item["metadata"].get("uid"),
        },
        "type": event.type,
        "reason": str(event.reason),
        "message": event.message[:MESSAGE_MAX_LENGTH],
        "firstTimestamp": _stamp(now),
        "lastTimestamp": _stamp(now),
        "count": 1,
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": FIELD_MANAGER,
    }


_Told = tuple[ChannelConditionType, ConditionStatus, str, str]


def _ready(known: KnownChannel, state: SharedState) -> _Told:
    ready, true, false = ChannelConditionType.READY, ConditionStatus.TRUE, ConditionStatus.FALSE
    spec = known.spec
    if spec is None:
        return ready, false, ChannelReason.SPEC_INVALID, known.error or "spec cannot be read"
    if spec.suspend:
        return ready, false, ChannelReason.SUSPENDED, "spec.suspend is true: nothing is sent"
    warning = unknown_time_zone(spec.quiet_hours)
    beside = f" ({warning})" if warning else ""
    if state.last_reason is None:
        return ready, ConditionStatus.UNKNOWN, ChannelReason.NOT_TRIED, f"nothing was sent yet{beside}"
    if state.failures:
        return ready, false, state.last_reason, _last(state) + beside
    if state.last_reason == ChannelReason.SENT:
        return ready, true, ChannelReason.SENT, f"the last message was taken{beside}"
    return ready, true, state.last_reason, _last(state) + beside


def _paused(state: SharedState) -> _Told:
    tried = "one message tries it now and then, and at once when the channel or its Secret is changed"
    message = f"since {state.failures} failures in a row: {_last(state)}; {tried}"
    return ChannelConditionType.PAUSED, ConditionStatus.TRUE, ChannelReason.PAUSED, message


def _template(template: Template | None, before: Mapping[str, Any] | None) -> _Told | None:
    kind = ChannelConditionType.TEMPLATE_VALID
    if template is None:
        if before is None:
            return None
        return kind, ConditionStatus(before["status"]), before["reason"], before.get("message") or ""
    if template.trouble is None:
        return kind, ConditionStatus.TRUE, ChannelReason.TEMPLATE_VALID, "the channel's own template renders"
    message = f"the default is used: {template.trouble}"
    return kind, ConditionStatus.FALSE, ChannelReason.TEMPLATE_INVALID, message


def _last(state: SharedState) -> str:
    answer = f": {state.last_answer}" if state.last_answer else ""
    return f"{state.last_reason}{answer}"


def _reason(state: SharedState) -> ChannelReason:
    return ChannelReason(state.last_reason or ChannelReason.NOT_TRIED)


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
