"""One row of `capacity_history`: what the FleetCapacity, the nodes and the Strategies say at one moment. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from btcwatcher_api.capacity_history.fleet import NoFiguresError, stale
from btcwatcher_api.cluster.capacity import Picture
from btcwatcher_crds.conditions import ConditionType
from btcwatcher_crds.fleet_capacity import FleetCapacityStatus


@dataclass(frozen=True, slots=True)
class Row:
    """The fields are the table's columns."""

    at: datetime
    slots_used: int
    slots_free: int
    slots_free_with_largest_node_lost: int | None
    binding: str | None
    """What would run out first."""
    pending: int | None
    """Bots that no node has taken."""
    strategies: int
    ready: int
    ports_used: int
    ports: int
    cpu_requested: float | None
    """What pods ask for of what nodes give that take new ones; None where none does."""
    memory_requested: float | None
    pods_requested: float | None


def row(
    at: datetime,
    fleet: FleetCapacityStatus,
    seen: Picture,
    strategies: Iterable[Mapping[str, Any]],
    pool: tuple[int, int],
) -> Row:
    """Raises NoFiguresError: figures of another moment would make a line of the past that is flat, and wrong."""
    reason = stale(fleet)
    if reason is not None:
        raise NoFiguresError(reason)
    if fleet.slots is None:
        raise NoFiguresError("the FleetCapacity has no places in it")
    items = list(strategies)
    first, last = pool
    total, taken = seen.allocatable, seen.requested
    return Row(
        at=at,
        slots_used=fleet.slots.used,
        slots_free=fleet.slots.free,
        slots_free_with_largest_node_lost=fleet.slots.free_with_largest_node_lost,
        binding=fleet.binding,
        pending=fleet.pending,
        strategies=len(items),
        ready=sum(map(_is_ready, items)),
        ports_used=len({port for item in items if first <= (port := _port(item)) <= last}),
        ports=last - first + 1,
        cpu_requested=_ratio(taken.cpu, total.cpu),
        memory_requested=_ratio(taken.memory, total.memory),
        pods_requested=_ratio(taken.pods, total.pods),
    )


def _ratio(taken: float, total: float) -> float | None:
    return round(taken / total, 6) if total > 0 else None


def _port(item: Mapping[str, Any]) -> int:
    port = (item.get("status") or {}).get("port")
    return port if isinstance(port, int) else 0


def _is_ready(item: Mapping[str, Any]) -> bool:
    return any(
        one.get("type") == ConditionType.READY and one.get("status") == "True"
        for one in (item.get("status") or {}).get("conditions") or ()
    )
