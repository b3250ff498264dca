"""Events on a Strategy or a Proxy: one for each change that a person would want to read of, never one per reconcile."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from btcwatcher_crds.conditions import ConditionType, Reason
from btcwatcher_crds.proxy import Proxy
from btcwatcher_crds.strategy import ConditionStatus, Strategy
from btcwatcher_operator.resources import Object

COMPONENT = "btcwatcher-operator"
MESSAGE_MAX_LENGTH = 1024

# ConfigValid=False and Ready=False say the same of a broken config; Reconciling and Stalled only repeat Ready.
_TOLD = (
    ConditionType.READY,
    ConditionType.CONFIG_VALID,
    ConditionType.CONFIG_DRIFT,
    ConditionType.LIVE_NOT_ALLOWED,
    ConditionType.RECONCILE_PAUSED,
    ConditionType.HELD,
)

# A condition that is True, and yet bad news.
_WARNINGS = frozenset({Reason.PREFLIGHT_FAILED, Reason.ROLLOUT_STOPPED, Reason.LIVE_NOT_ALLOWED})


Subject = Strategy | Proxy
"""What Events are told of."""


@dataclass(frozen=True, slots=True)
class Event:
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def port_assigned(port: int) -> Event:
    return Event("Normal", "PortAssigned", f"port {port} of the pool")


def transitions(strategy: Strategy, status: Object) -> Iterator[Event]:
    """The events of going from the Strategy's present status to the new one."""
    before = {condition.type: condition for condition in strategy.status.conditions}
    told: set[tuple[str, str]] = set()
    for condition in status["conditions"]:
        kind, now, reason = condition["type"], condition["status"], condition["reason"]
        if kind not in _TOLD or now == ConditionStatus.UNKNOWN:
            continue
        old = before.get(kind)
        if old is not None and (old.status, old.reason) == (now, reason):
            continue
        if (reason, condition["message"]) in told:
            continue
        told.add((reason, condition["message"]))
        healthy = reason not in _WARNINGS and (
            now == ConditionStatus.TRUE or reason in ("Starting", "Suspending", "Resuming")
        )
        yield Event("Normal" if healthy else "Warning", reason, condition["message"])


def manifest(subject: Subject, event: Event, now: datetime) -> Object:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{subject.metadata.name}.", "namespace": subject.metadata.namespace},
        "involvedObject": {
            "apiVersion": subject.api_version,
            "kind": subject.kind,
            "name": subject.metadata.name,
            "namespace": subject.metadata.namespace,
            "uid": subject.metadata.uid,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:MESSAGE_MAX_LENGTH],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": COMPONENT,
    }
