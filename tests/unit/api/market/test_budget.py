"""The budget, by a clock of the test's."""

import pytest

from btcwatcher_api.market.bans import pause_seconds
from btcwatcher_api.market.budget import Budget

START = 1_795_400_000.0 // 60 * 60
NEXT_MINUTE = START + 60


def spent_in(budget: Budget, weight: int, begin: float, seconds: float) -> list[float]:
    """When calls of this weight are made that come as fast as they may."""
    now, times = begin, []
    while now <= begin + seconds:
        wait = budget.wait(weight, now)
        if wait:
            now += wait
            continue
        budget.spend(weight, now)
        times.append(now)
    return times


@pytest.mark.parametrize(("limit", "weight"), [(1200, 2), (6000, 20), (45, 1), (400, 1), (1200, 80)])
def test_in_no_minute_more_than_the_limit(limit: int, weight: int) -> None:
    budget = Budget(limit, START)
    budget.wait(1, START + 600)  # full
    times = spent_in(budget, weight, START + 600, 300)
    for begin in times:
        in_a_minute = sum(weight for at in times if begin <= at < begin + 60)
        assert in_a_minute <= limit + weight
    assert len(times) * weight > 0.8 * limit * 5


def test_a_start_is_no_burst() -> None:
    times = spent_in(Budget(1200, START), 2, START, 60)
    assert sum(2 for at in times if at < START + 1) <= 2 * 1200 / 60
    assert sum(2 for at in times if at < START + 10) <= 1200 / 5


def test_what_weighs_more_than_may_be_asked_at_once_waits_for_all_of_it() -> None:
    budget = Budget(600, START)
    wait = budget.wait(250, START)
    assert 10 < wait < 15
    budget.spend(250, START + wait)
    assert budget.wait(1, START + wait) > 15


def test_what_the_exchange_says_counts() -> None:
    budget = Budget(1200, START)
    budget.wait(1, NEXT_MINUTE)
    assert budget.wait(2, NEXT_MINUTE) == 0
    budget.told(1195, NEXT_MINUTE)
    assert budget.wait(2, NEXT_MINUTE + 1) == pytest.approx(59)
    assert budget.used(NEXT_MINUTE + 1) == 1195
    assert budget.wait(2, NEXT_MINUTE + 60) == 0


def test_a_clock_that_is_put_back_does_no_harm() -> None:
    budget = Budget(1200, START)
    budget.wait(1, START + 60)
    assert budget.wait(1, START - 3600) == 0


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (200, "", 0),
        (404, "7", 0),
        (429, "7", 7),
        (429, "", 5),
        (429, "0", 1),
        (429, "x", 5),
        (429, "nan", 5),
        (418, "120", 120),
        (418, "", 120),
        (418, "99999999", 3 * 86400),
        (503, "9", 9),
        (503, "", 0),
        (500, "9", 0),
        (429, "Sat, 28 Nov 2026 00:00:30 GMT", 30),
        (429, "Sat, 28 Nov 2020 00:00:30 GMT", 1),
    ],
)
def test_how_long_an_exchange_is_left_alone(status: int, retry_after: str, seconds: float) -> None:
    assert pause_seconds(status, retry_after, 1_795_824_000.0) == seconds
