"""Which signals are asked for: as SQL for what is stored, and as a function for what is at hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping

from btcwatcher_api.signals.dedup import first_id_after, first_id_at
from btcwatcher_api.signals.table import signals
from btcwatcher_api.signals.types import SignalType


@dataclass(frozen=True, slots=True)
class Filter:
    """Which signals; None does not filter. Times are aware: `since` inclusive, `until` exclusive."""

    namespace: str | None = None
    strategy: str | None = None
    pair: str | None = None
    types: frozenset[SignalType] = field(default_factory=frozenset)
    levels: frozenset[str] = field(default_factory=frozenset)
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, row: Mapping[str, Any] | RowMapping) -> bool:
        """Whether `conditions` would let this row through."""
        return (
            self.namespace in (None, row["namespace"])
            and self.strategy in (None, row["strategy"])
            and self.pair in (None, row["pair"])
            and (not self.types or row["type"] in self.types)
            and (not self.levels or row["level"] in self.levels)
            and (self.since is None or row["event_time"] >= self.since)
            and (self.until is None or row["event_time"] < self.until)
        )


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """What a row must meet."""
    columns = signals.c
    found: list[ColumnElement[bool]] = []
    for column, value in (
        (columns.namespace, wanted.namespace),
        (columns.strategy, wanted.strategy),
        (columns.pair, wanted.pair),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.types:
        found.append(columns.type.in_(sorted(wanted.types)))
    if wanted.levels:
        found.append(columns.level.in_(sorted(wanted.levels)))
    if wanted.since is not None:
        found += [columns.event_time >= wanted.since, columns.id >= first_id_at(wanted.since)]
    if wanted.until is not None:
        # An id begins with its event's millisecond: said as a bound on ids, it tells where in the index to begin.
        found += [columns.event_time < wanted.until, columns.id < first_id_after(wanted.until)]
    return found
