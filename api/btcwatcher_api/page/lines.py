"""A Strategy as a row of the page's table. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from btcwatcher_api.declared import condition, conditions
from btcwatcher_api.strategies.schemas import StrategySummary, summary
from btcwatcher_crds.conditions import ConditionType


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table."""

    strategy: StrategySummary
    since: datetime | None
    """When Ready became what it is."""


def line(item: Mapping[str, Any]) -> Line:
    ready = condition(conditions(item), ConditionType.READY)
    return Line(summary(item), ready.last_transition_time if ready is not None else None)


def wanted(items: Iterable[Mapping[str, Any]], search: str, state: str, mode: str, ready: bool | None) -> list[Line]:
    """Those that match, by id; what is empty or None matches all."""
    found = []
    for one in map(line, items):
        told = one.strategy
        if (
            search.lower() in told.id.lower()
            and state in ("", told.state)
            and mode in ("", told.mode)
            and ready in (None, told.ready)
        ):
            found.append(one)
    return sorted(found, key=lambda one: one.strategy.id)
