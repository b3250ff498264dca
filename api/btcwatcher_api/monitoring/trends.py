"""Figures over time, from Prometheus: the answers' shape."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from btcwatcher_api.monitoring import queries
from btcwatcher_api.sources import DataSource, Sources


class FigurePoint(BaseModel):
    at: datetime
    value: float


class FigureSeries(BaseModel):
    """One figure over time."""

    name: str
    unit: str
    points: list[FigurePoint]


class FigureTrend(BaseModel):
    """Several figures over the same time."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sources: list[DataSource]
    hours: int
    series: list[FigureSeries]
    """Empty without Prometheus; a series without points is one that Prometheus does not have."""


async def trend(request: Request, asked: Mapping[str, str], unit: str, hours: int, points: int) -> FigureTrend:
    sources = Sources()
    prometheus = sources.configured(request.app.state.prometheus)
    answer = None
    if prometheus is not None:
        answer = await sources.prometheus(queries.trend(prometheus, asked, timedelta(hours=hours), points))
    series = [
        FigureSeries(name=name, unit=unit, points=[FigurePoint(at=one.at, value=one.value) for one in found])
        for name, found in (answer or {}).items()
    ]
    return FigureTrend(sources=sources.told(), hours=hours, series=series)
