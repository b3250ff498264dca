"""What is written of an assessment: the FleetCapacity's status as a pure function of it and of what is there."""

from datetime import datetime
from typing import Final

from btcwatcher_crds import names
from btcwatcher_crds.conditions import CapacityConditionType, CapacityReason
from btcwatcher_crds.fleet_capacity import FleetCapacityStatus
from btcwatcher_crds.strategy import ConditionStatus
from btcwatcher_operator.cluster import ClusterError
from btcwatcher_operator.resources import Object

NAMED: Final[Object] = {
    "apiVersion": names.API_VERSION,
    "kind": names.FLEET_CAPACITY_KIND,
    "metadata": {"name": names.FLEET_CAPACITY_NAME},
}
"""Which object a status is applied to."""

NEW: Final[Object] = {
    **NAMED,
    "metadata": {"name": names.FLEET_CAPACITY_NAME, "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY}},
    "spec": {},
}
"""The one object, as it is made."""

_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"


def measured(assessed: FleetCapacityStatus, before: Object, now: datetime) -> Object:
    """The whole status, to be applied as it is; `before` is the one that is there."""
    told = assessed.model_dump(mode="json", by_alias=True, exclude_none=True)
    message = "nodes and pods were read"
    return {**told, "conditions": [_condition(before, ConditionStatus.TRUE, CapacityReason.MEASURED, message, now)]}


def not_measured(error: ClusterError, before: Object, now: datetime) -> Object:
    """The figures that were there, and why there are no newer ones."""
    reason = CapacityReason.FORBIDDEN if error.status == 403 else CapacityReason.UNREADABLE
    return {**before, "conditions": [_condition(before, ConditionStatus.FALSE, reason, error.message[:1024], now)]}


def _condition(before: Object, status: ConditionStatus, reason: CapacityReason, message: str, now: datetime) -> Object:
    kind = CapacityConditionType.MEASURED.value
    old = next((one for one in before.get("conditions", []) if one["type"] == kind), None)
    since = old["lastTransitionTime"] if old and old["status"] == status.value else now.strftime(_STAMP)
    return {
        "type": kind,
        "status": status.value,
        "reason": reason.value,
        "message": message,
        "observedGeneration": 0,
        "lastTransitionTime": since,
    }
