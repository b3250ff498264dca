"""Peak, low, average and direction of a figure over time."""

from datetime import UTC, datetime, timedelta

import pytest

from btcwatcher_api.capacity_history.outline import Bucket, Direction, Outline, Unit, change_per_day, outline

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(*values: float) -> list[Bucket]:
    return [Bucket(BEGIN + HOUR * number, 12, value, value, value) for number, value in enumerate(values)]


def told(values: list[float], unit: Unit = "count") -> Outline:
    found = outline(hourly(*values), unit)
    assert found is not None
    return found


def test_nothing_has_no_outline() -> None:
    assert outline([], "ratio") is None


def test_the_average_counts_rows_and_the_peak_is_a_rows() -> None:
    found = outline([Bucket(BEGIN, 1, 2.0, 1.0, 3.0), Bucket(BEGIN + HOUR, 3, 6.0, 0.5, 9.0)], "count")
    assert found is not None
    assert (found.peak, found.low, found.average) == ((BEGIN + HOUR, 9.0), (BEGIN + HOUR, 0.5), 5.0)
    assert (found.direction, found.change_per_day) == (None, None), "two points show no direction"


@pytest.mark.parametrize(
    ("values", "direction", "per_day"),
    [
        ([float(number) for number in range(24)], Direction.RISING, 24.0),
        ([float(-number) for number in range(24)], Direction.FALLING, -24.0),
        ([5.0] * 24, Direction.STEADY, 0.0),
        ([5.0] * 20 + [500.0] * 4, Direction.STEADY, 0.0),
        ([5.0] * 16 + [6.0] * 8, Direction.STEADY, 0.0),
        ([5.0, 500.0, *(5.0 + number / 10 for number in range(2, 24))], Direction.RISING, 2.4),
        ([5.0 + number / 100 for number in range(24)], Direction.STEADY, 0.24),
    ],
    ids=["grows", "shrinks", "flat", "an experiment", "one step", "grows beside an outlier", "grows by less than half"],
)
def test_direction(values: list[float], direction: Direction, per_day: float) -> None:
    found = told(values)
    assert found.direction is direction
    assert found.change_per_day == pytest.approx(per_day, abs=0.05)


@pytest.mark.parametrize(("last", "direction"), [(0.509, Direction.STEADY), (0.53, Direction.RISING)])
def test_a_hundredth_of_a_ratio_is_no_change(last: float, direction: Direction) -> None:
    assert told([0.5 + (last - 0.5) * number / 23 for number in range(24)], "ratio").direction is direction


def test_how_finely_it_is_drawn_does_not_change_where_it_goes() -> None:
    course = hourly(*(float(number) for number in range(24)))
    found = outline([course[0], course[-1]], "count", course)
    assert found is not None
    assert (found.direction, found.change_per_day) == (Direction.RISING, 24.0)


def test_of_many_points_evenly_many_are_looked_at() -> None:
    moments = [(BEGIN + HOUR * number, float(number)) for number in range(5000)]
    assert change_per_day(moments) == pytest.approx(24.0)
