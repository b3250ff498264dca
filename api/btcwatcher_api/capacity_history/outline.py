"""What a figure did over time: its peak, its low, its average, whether it rises, and by how much a day. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from statistics import median
from typing import Final, Literal

Unit = Literal["ratio", "count"]
Moment = tuple[datetime, float]

_DAY: Final = 86400.0
_LEAST: Final = 6
"""Of fewer points nobody can say where they go."""
_MOST: Final = 60
"""Of more, evenly many are left out: pairs grow with the square."""
_STEADY: Final[dict[Unit, float]] = {"ratio": 0.01, "count": 0.5}
"""A change over the whole time that is no more than this is none."""
_DIGITS: Final = 6


class Direction(StrEnum):
    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of time, from `at` on, and the figure in it."""

    at: datetime
    count: int
    average: float
    low: float
    peak: float


@dataclass(frozen=True, slots=True)
class Outline:
    peak: Moment
    low: Moment
    average: float
    direction: Direction | None
    """None for too short a past."""
    change_per_day: float | None


def outline(buckets: Sequence[Bucket], unit: Unit, course: Sequence[Bucket] | None = None) -> Outline | None:
    """None where there is nothing. `course` is the same figure in the buckets that its direction is read from: how
    finely somebody wants it drawn does not change where it goes."""
    if not buckets:
        return None
    highest, lowest = max(buckets, key=lambda one: one.peak), min(buckets, key=lambda one: one.low)
    counted = sum(one.count for one in buckets)
    slope = change_per_day([(one.at, one.average) for one in (buckets if course is None else course)])
    return Outline(
        peak=(highest.at, round(highest.peak, _DIGITS)),
        low=(lowest.at, round(lowest.low, _DIGITS)),
        average=round(sum(one.average * one.count for one in buckets) / counted, _DIGITS),
        direction=_direction(slope, buckets[-1].at.timestamp() - buckets[0].at.timestamp(), unit),
        change_per_day=None if slope is None else round(slope, _DIGITS) + 0.0,
    )


def change_per_day(moments: Sequence[Moment]) -> float | None:
    """The Theil-Sen slope: the median of the slopes of all pairs, which neither an hour of experiments nor a single
    step bends. None for too few of them."""
    if len(moments) < _LEAST:
        return None
    kept = [(at.timestamp(), value) for at, value in moments[:: -(-len(moments) // _MOST)]]
    return median((later - before) / (at - since) for (since, before), (at, later) in combinations(kept, 2)) * _DAY


def _direction(slope: float | None, seconds: float, unit: Unit) -> Direction | None:
    if slope is None:
        return None
    change = slope * seconds / _DAY
    if abs(change) <= _STEADY[unit]:
        return Direction.STEADY
    return Direction.RISING if change > 0 else Direction.FALLING
