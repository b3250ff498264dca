"""Figures over time, from Prometheus: the answers' shape."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from btcwatcher_api.monitoring import queries
from btcwatcher_api.sources import Source, Sources


class TrendPoint(BaseModel):
    at: datetime
    value: float


class Series(BaseModel):
    """One figure over time."""

    name: str
    unit: str
    points: list[TrendPoint]


class Trend(BaseModel):
    """Several figures over the same time."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sources: list[Source]
    hours: int
    series: list[Series]
    """Empty without Prometheus; a series without points is one that Prometheus does not have."""


async def trend(request: Request, asked: Mapping[str, str], unit: str, hours: int, points: int) -> Trend:
    sources = Sources()
    prometheus = sources.configured(request.app.state.prometheus)
    answer = None
    if prometheus is not None:
        answer = await sources.prometheus(queries.trend(prometheus, asked, timedelta(hours=hours), points))
    series = [
        Series(name=name, unit=unit, points=[TrendPoint(at=one.at, value=one.value) for one in found])
        for name, found in (answer or {}).items()
    ]
    return Trend(sources=sources.told(), hours=hours, series=series)
