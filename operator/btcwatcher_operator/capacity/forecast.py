"""When it is full, from how the used places grew: a slope that a day of experiments does not bend."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import Final

from btcwatcher_crds.fleet_capacity import Forecast

Sample = tuple[float, float]
"""Unix time and used places."""

_DAY: Final = 86400.0
_LEAST_SAMPLES: Final = 12
_LEAST_DAYS: Final = 1.0
"""Before that a slope says more of an afternoon than of the fleet."""
_MOST_DAYS: Final = 3650
_MOST_SAMPLES: Final = 200
"""Of more, evenly many are left out: pairs grow with the square."""


def growth_per_day(samples: Sequence[Sample]) -> float | None:
    """The Theil-Sen slope: the median of the slopes of all pairs. None for too short a past."""
    ordered = sorted(samples)
    if len(ordered) < _LEAST_SAMPLES or ordered[-1][0] - ordered[0][0] < _LEAST_DAYS * _DAY:
        return None
    step = -(-len(ordered) // _MOST_SAMPLES)
    kept = ordered[::step]
    slopes = [(later - before) / (at - since) for (since, before), (at, later) in combinations(kept, 2) if at > since]
    return median(slopes) * _DAY if slopes else None


def forecast(samples: Sequence[Sample], free: int) -> Forecast | None:
    growth = growth_per_day(samples)
    if growth is None:
        return None
    rounded = round(growth, 2) + 0.0
    days = int(free / rounded) if rounded > 0 else None
    return Forecast(
        growth_per_day=f"{rounded:.2f}", days_until_full=days if days is not None and days <= _MOST_DAYS else None
    )
