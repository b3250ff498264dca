"""Reads `capacity_history` in buckets of time: the answer to a year is no longer than that to a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from btcwatcher_api.capacity_history.outline import Bucket

# Names in answers, and what each is in a row.
UTILIZATION: Final = {
    "cpu_requested": "cpu_requested",
    "memory_requested": "memory_requested",
    "pods_requested": "pods_requested",
    "ports_used": "ports_used::float8 / nullif(ports, 0)",
    "slots_used": "slots_used::float8 / nullif(slots_used + slots_free, 0)",
}
"""Shares of what there is."""
FLEET: Final = {
    name: name
    for name in (
        "strategies",
        "ready",
        "ports_used",
        "ports",
        "slots_used",
        "slots_free",
        "slots_free_with_largest_node_lost",
        "pending",
    )
}
"""Counts."""

_COURSE: Final = 48
"""Buckets that a direction is read from."""


@dataclass(frozen=True, slots=True)
class Past:
    """`series` as finely as asked for, `course` of the same time always in as many buckets; by the figure's name."""

    series: Mapping[str, list[Bucket]]
    course: Mapping[str, list[Bucket]]
    binding: Mapping[str, float]
    """What would have run out first, by the share of the rows that say so; the most often first."""

    @property
    def empty(self) -> bool:
        return not any(self.series.values())


async def past(engine: AsyncEngine, figures: Mapping[str, str], span: timedelta, points: int) -> Past:
    """The last `span` in about `points` buckets. Raises what the engine does."""
    since = datetime.now(UTC) - span
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return Past(
            series=await _buckets(connection, figures, since, span / points),
            course=await _buckets(connection, figures, since, span / _COURSE),
            binding=await _binding(connection, since),
        )


async def _buckets(
    connection: AsyncConnection, figures: Mapping[str, str], since: datetime, step: timedelta
) -> dict[str, list[Bucket]]:
    sums = ", ".join(
        f"count({figure}), avg({figure})::float8, min({figure})::float8, max({figure})::float8"
        for figure in figures.values()
    )
    # Buckets begin at multiples of the step: asked again a minute later, the same points come.
    statement = text(
        f"SELECT date_bin(:step, at, 'epoch') AS begin, {sums}"  # noqa: S608 - the expressions are those above
        " FROM capacity_history WHERE at > :since GROUP BY begin ORDER BY begin"
    )
    found: dict[str, list[Bucket]] = {name: [] for name in figures}
    for begin, *values in await connection.execute(statement, {"step": step, "since": since}):
        for position, name in enumerate(figures):
            count, *amounts = values[4 * position :][:4]
            if count:
                found[name].append(Bucket(begin, count, *amounts))
    return found


async def _binding(connection: AsyncConnection, since: datetime) -> dict[str, float]:
    statement = text(
        "SELECT binding, count(*) FROM capacity_history WHERE at > :since AND binding IS NOT NULL"
        " GROUP BY binding ORDER BY count(*) DESC, binding"
    )
    counted: list[Any] = list(await connection.execute(statement, {"since": since}))
    total = sum(count for _, count in counted)
    return {binding: round(count / total, 4) for binding, count in counted}
