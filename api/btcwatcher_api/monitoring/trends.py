"""Figures over time: shares and counts from the rows that the collector writes, what is really used from Prometheus."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from btcwatcher_api.capacity_history import store
from btcwatcher_api.capacity_history.outline import Bucket, Direction, Unit, outline
from btcwatcher_api.monitoring import queries
from btcwatcher_api.prometheus import Point
from btcwatcher_api.sources import DataSource, SourceName, Sources, SourceState

Hours = Annotated[int, Query(ge=1, le=24 * 366, description="How far back")]
Points = Annotated[int, Query(ge=2, le=500, description="About how many points a series has")]

_NO_ROWS: Final = (
    "nothing was recorded in this time: `btcwatcher-api collect` does so every few minutes, while the operator keeps"
    " the FleetCapacity"
)


class FigurePoint(BaseModel):
    at: datetime
    value: float


class FigureSeries(BaseModel):
    """One figure over time, and what it did."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    unit: Unit
    source: SourceName
    points: list[FigurePoint]
    """Averages of the time that begins then; where nothing was recorded there is none. Of Prometheus: moments."""
    peak: FigurePoint | None
    """The most there was, and in which point's time; null without points, as is all that follows."""
    low: FigurePoint | None
    """The least."""
    average: float | None
    direction: Direction | None
    """Whether it rises or falls over this time by more than a hundredth (of a ratio) or half of one (of a count);
    an outlier or a single step is no direction. Null for too short a past."""
    change_per_day: float | None
    """By the median of the slopes between all points (Theil-Sen)."""


class FigureTrend(BaseModel):
    """Several figures over the same time."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sources: list[DataSource]
    hours: int
    series: list[FigureSeries]
    """Those of a source that is not ok are left out; a series without points is one that the source does not have."""


class BindingShare(BaseModel):
    """How often this would have run out first."""

    dimension: str
    ratio: Annotated[float, Field(ge=0, le=1)]


class CapacityTrend(FigureTrend):
    """How many there were, and what would have run out first."""

    binding: list[BindingShare]
    """The most often first."""


async def utilization(request: Request, hours: int, points: int) -> FigureTrend:
    sources, span = Sources(), timedelta(hours=hours)
    recorded = await _recorded(request, sources, store.UTILIZATION, span, points)
    prometheus = sources.configured(request.app.state.prometheus)
    used = None
    if prometheus is not None:
        used = await sources.prometheus(queries.trend(prometheus, queries.USAGE_QUERIES, span, points))
    series = _of_rows(recorded, "ratio") if recorded is not None else []
    series += [
        _series(name, "ratio", SourceName.PROMETHEUS, [_moment(one) for one in found])
        for name, found in (used or {}).items()
    ]
    return FigureTrend(sources=sources.told(), hours=hours, series=series)


async def capacity(request: Request, hours: int, points: int) -> CapacityTrend:
    sources = Sources()
    recorded = await _recorded(request, sources, store.FLEET, timedelta(hours=hours), points)
    return CapacityTrend(
        sources=sources.told(),
        hours=hours,
        series=_of_rows(recorded, "count") if recorded is not None else [],
        binding=[
            BindingShare(dimension=dimension, ratio=ratio)
            for dimension, ratio in (recorded.binding if recorded is not None else {}).items()
        ],
    )


async def _recorded(
    request: Request, sources: Sources, figures: Mapping[str, str], span: timedelta, points: int
) -> store.Past | None:
    """None where there are no rows, or no database."""
    found = await sources.postgres(store.past(request.app.state.engine, figures, span, points))
    if found is None or not found.empty:
        return found
    sources.missing(SourceName.POSTGRES, SourceState.UNAVAILABLE, _NO_ROWS)
    return None


def _of_rows(recorded: store.Past, unit: Unit) -> list[FigureSeries]:
    return [
        _series(name, unit, SourceName.POSTGRES, found, recorded.course[name])
        for name, found in recorded.series.items()
    ]


def _moment(point: Point) -> Bucket:
    return Bucket(point.at, 1, point.value, point.value, point.value)


def _series(
    name: str, unit: Unit, source: SourceName, found: Sequence[Bucket], course: Sequence[Bucket] | None = None
) -> FigureSeries:
    seen = outline(found, unit, course)
    return FigureSeries(
        name=name,
        unit=unit,
        source=source,
        points=[FigurePoint(at=one.at, value=round(one.average, 6)) for one in found],
        peak=FigurePoint(at=seen.peak[0], value=seen.peak[1]) if seen else None,
        low=FigurePoint(at=seen.low[0], value=seen.low[1]) if seen else None,
        average=seen.average if seen else None,
        direction=seen.direction if seen else None,
        change_per_day=seen.change_per_day if seen else None,
    )
