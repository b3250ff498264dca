"""What a selection of bots has lost, from what is known at two different moments."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from btcwatcher_api.fleet.losses import Exits, Opened, Sample, sampled, standing

VISIT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
AFTER, BEFORE = VISIT + timedelta(seconds=5), VISIT - timedelta(seconds=5)
EMA, RSI, OTHER = ("desk", "ema"), ("desk", "rsi"), ("desk", "other")


def exits(profit: str, **lately: Any) -> Exits:
    return Exits(Decimal(profit), **lately)


@pytest.mark.parametrize(
    ("closed", "opened", "amount"),
    [
        (None, {}, "0"),
        (exits("-40"), {}, "40"),
        (exits("-40"), {"7": 15.5}, "24.5"),
        (exits("25"), {"7": -10.0}, "-15"),
        # Closed since the visit: its exit counts, and not what it was worth before.
        (exits("-60", closed=["7"]), {"7": -50.0, "8": -1.0}, "61"),
        # A part of it sold since the visit was in the price of then.
        (exits("-20", partial=[("7", AFTER, Decimal(-20))]), {"7": -50.0}, "50"),
        # Sold before the visit, which knows of what was left only.
        (exits("-20", partial=[("7", BEFORE, Decimal(-20))]), {"7": -30.0}, "50"),
        # Sold in two parts since the visit.
        (exits("-55", closed=["7"], partial=[("7", AFTER, Decimal(-20))]), {"7": -50.0}, "55"),
        # Opened and closed since the visit.
        (exits("-5", closed=["9"]), {"7": -1.0}, "6"),
    ],
)
def test_no_trade_is_counted_twice(closed: Exits | None, opened: dict[str, float], amount: str) -> None:
    found = standing([EMA], {EMA: closed} if closed else {}, {EMA: Opened(VISIT, opened)})
    assert (found.loss(Decimal(0)), found.bots, found.unknown) == (Decimal(amount), 1, 0)


def test_bots_are_counted_together_and_others_are_not() -> None:
    told = {EMA: Opened(VISIT, {"1": -10.0}), OTHER: Opened(VISIT, {"1": -1000.0})}
    found = standing([EMA, RSI], {RSI: exits("-0.1"), OTHER: exits("-500")}, told)
    assert (found.loss(Decimal(0)), found.bots, found.unknown) == (Decimal("10.1"), 2, 1)


def test_what_open_trades_stood_at_before_is_not_lost_now() -> None:
    deep = standing([EMA], {}, {EMA: Opened(VISIT, {"7": -520.0})})
    assert deep.loss(deep.open) == 0
    left = standing([EMA], {EMA: exits("-530", closed=["7"])}, {EMA: Opened(VISIT, {"7": -520.0})})
    assert left.loss(deep.open) == 10
    high = standing([EMA], {}, {EMA: Opened(VISIT, {"7": 600.0})})
    fallen = standing([EMA], {}, {EMA: Opened(VISIT, {"7": 0.0})})
    assert fallen.loss(high.open) == 600


def test_samples_reach_back_to_the_beginning_of_the_time_and_no_further() -> None:
    hour = timedelta(hours=1)
    samples: list[Sample] = []
    for number in range(60):
        now = VISIT + number * hour / 2
        samples = sampled(samples, Sample(now, Decimal(number)), max(VISIT, now - 24 * hour), hour)
    now = VISIT + 59 * hour / 2
    assert samples[0].at <= now - 24 * hour < samples[1].at
    assert len(samples) <= 26
    assert sampled(samples, Sample(now, Decimal(9)), now - 24 * hour, hour) == samples, "not more often than that"
