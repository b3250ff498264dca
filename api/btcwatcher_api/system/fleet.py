"""The operator's FleetCapacity as /system/capacity/detailed shows it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from btcwatcher_api.capacity_history.fleet import NoFiguresError, measured, stale, told
from btcwatcher_api.cluster import reading
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.problems import Problem
from btcwatcher_api.sources import SourceName, Sources, SourceState
from btcwatcher_crds.fleet_capacity import FleetCapacityStatus


class FleetFigures(BaseModel):
    """How many more bots fit, what binds, when it is full, what to buy."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    measured: bool
    """Whether the operator could read nodes and pods when it last tried; if not, `status` is older."""
    reason: str | None
    """Why it is, or is not, measured; null while the operator has not said."""
    message: str
    since: datetime | None
    """When `measured` became what it is."""
    status: FleetCapacityStatus
    """Word for word as `kubectl get fleetcapacity fleet -o yaml` shows it."""


async def fleet_figures(cluster: Cluster, sources: Sources) -> FleetFigures | None:
    """None where there are none, and `sources` say why."""
    try:
        status = told(await cluster.call(reading.fleet_capacity))
    except (NoFiguresError, Problem) as error:
        why = error.detail if isinstance(error, Problem) else str(error)
        sources.missing(SourceName.FLEET_CAPACITY, SourceState.UNAVAILABLE, why)
        return None
    sources.ok(SourceName.FLEET_CAPACITY)
    condition, old = measured(status), stale(status)
    return FleetFigures(
        measured=old is None,
        reason=condition.reason if condition else None,
        message=condition.message if condition else old or "",
        since=condition.last_transition_time if condition else None,
        status=status,
    )
