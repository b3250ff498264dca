"""`/api/v1/signals/statistics/...`"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from btcwatcher_api.access import viewer
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.signals import statistics
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.signals.filter_query import split, stretch
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.statistics import Interval
from btcwatcher_crds.names import strategy_id

router = APIRouter(
    prefix="/api/v1/signals/statistics",
    tags=["signals"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 422, 500, 503),
)

_LONGEST: Final = timedelta(days=31)
_STRATEGIES: Final = 100


class CountsAnswer(BaseModel):
    """How many signals of which kind."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    total: int
    recovered: int
    """Those that never arrived and were filled in from the bot's own history."""
    entries: int
    exits: int
    filled_exits: int
    winning: int
    """Filled exits with a profit."""
    losing: int
    """Filled exits with a loss."""
    levels: dict[str, int]
    """By level; exits and messages have none."""


class StrategyCounts(CountsAnswer):
    """The same of one Strategy."""

    id: str
    """<namespace>.<name>"""


class Summary(CountsAnswer):
    """All signals of a stretch of time, counted."""

    since: datetime
    until: datetime
    types: dict[str, int]
    strategy_count: int
    """How many Strategies sent anything."""
    strategies: list[StrategyCounts]
    """Those that sent most, a hundred at most."""


class Point(CountsAnswer):
    """One interval of the trend."""

    begin: datetime


class Trend(BaseModel):
    """Signals over time, without a gap: an interval without signals is a point of zeros."""

    interval: Interval
    points: list[Point]


Since = Annotated[datetime | None, Query(description="Event time from here on; a day before `until` if left out")]
Until = Annotated[datetime | None, Query(description="Event time before this; now if left out")]
Namespace = Annotated[str | None, Query(max_length=63)]
Strategy = Annotated[str | None, Query(max_length=117, description="A name, or an id <namespace>.<name>")]


@router.get("/summary", operation_id="getSignalSummary", summary="Signals of a stretch of time, counted")
async def get_summary(
    connection: Reading,
    namespace: Namespace = None,
    strategy: Strategy = None,
    since: Since = None,
    until: Until = None,
) -> Summary:
    """At most 31 days at once."""
    begin, end = stretch(since, until, _LONGEST)
    rows = await statistics.by_strategy(connection, _filter(namespace, strategy, begin, end))
    return Summary(
        since=begin,
        until=end,
        types=statistics.types_of(rows),
        strategy_count=len(rows),
        strategies=[
            StrategyCounts(id=strategy_id(row["namespace"], row["strategy"]), **asdict(statistics.summed([row])))
            for row in rows[:_STRATEGIES]
        ],
        **asdict(statistics.summed(rows)),
    )


@router.get("/trend", operation_id="getSignalTrend", summary="Signals over time")
async def get_trend(
    connection: Reading,
    namespace: Namespace = None,
    strategy: Strategy = None,
    since: Since = None,
    until: Until = None,
    interval: Interval = Interval.HOUR,
) -> Trend:
    """At most 31 days by the hour, 366 by the day. `since` is moved back to the begin of its interval."""
    begin, end = stretch(since, until, interval.longest)
    begin = interval.begin_of(begin)
    counted = await statistics.by_interval(connection, _filter(namespace, strategy, begin, end), interval)
    nothing = statistics.summed([])
    points = []
    while begin < end:
        points.append(Point(begin=begin, **asdict(counted.get(begin, nothing))))
        begin += interval.length
    return Trend(interval=interval, points=points)


def _filter(namespace: str | None, strategy: str | None, since: datetime, until: datetime) -> Filter:
    if strategy is not None and "." in strategy:
        of_strategy, strategy = split(strategy)
        if namespace not in (None, of_strategy):
            message = f"is not in the namespace {namespace}"
            raise Problem(422, f"strategy: {message}", [("strategy", message)])
        namespace = of_strategy
    return Filter(namespace=namespace, strategy=strategy, since=since, until=until)
