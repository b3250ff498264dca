"""What the operator's FleetCapacity says, and whether that is of now. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from btcwatcher_crds.conditions import CapacityConditionType
from btcwatcher_crds.fleet_capacity import FleetCapacityStatus
from btcwatcher_crds.names import FLEET_CAPACITY_NAME
from btcwatcher_crds.strategy import Condition, ConditionStatus


class NoFiguresError(Exception):
    """There are none; the message says why."""


def told(item: Mapping[str, Any] | None) -> FleetCapacityStatus:
    """The status of the object, None where there is none. Raises NoFiguresError."""
    if item is None:
        raise NoFiguresError(f"there is no FleetCapacity {FLEET_CAPACITY_NAME}: the operator makes it when it runs")
    status = item.get("status")
    if not status:
        raise NoFiguresError(f"the FleetCapacity {FLEET_CAPACITY_NAME} has no status: the operator has not written it")
    try:
        return FleetCapacityStatus.model_validate(status)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise NoFiguresError(f"the FleetCapacity cannot be read: status.{field}: {first['msg']}") from None


def measured(status: FleetCapacityStatus) -> Condition | None:
    """The condition that says whether the figures are of now; None while the operator has not said."""
    return next((one for one in status.conditions if one.type == CapacityConditionType.MEASURED), None)


def stale(status: FleetCapacityStatus) -> str | None:
    """Why the figures are not of now; None where they are."""
    condition = measured(status)
    if condition is None:
        return "the operator has not said whether the FleetCapacity is of now"
    if condition.status is not ConditionStatus.TRUE:
        return f"the operator could not measure: {condition.reason}: {condition.message}"
    return None
