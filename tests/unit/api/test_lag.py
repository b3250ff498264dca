"""A sender's own limit on how old its signal may be."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from btcwatcher_api.signals import lag
from btcwatcher_api.signals.fields import InvalidBody
from btcwatcher_api.signals.types import Event, SignalType, Source

NOW = datetime(2026, 11, 22, 20, 0, 0, tzinfo=UTC)


def event(seconds_ago: float | None) -> Event:
    happened = None if seconds_ago is None else NOW - timedelta(seconds=seconds_ago)
    return Event(source=Source.TRADINGVIEW, type=SignalType.ENTRY, happened_at=happened)


@pytest.mark.parametrize("stated", ["60", 60, Decimal("60.0")])
def test_as_old_as_it_may_be(stated: object) -> None:
    lag.check(event(60), stated, NOW)
    lag.check(event(-5), stated, NOW)


@pytest.mark.parametrize(
    ("ago", "stated", "field"),
    [
        (60.5, "60", "max_lag"),
        (1, "0", "max_lag"),
        (1, True, "max_lag"),
        (1, [60], "max_lag"),
        (1, "a minute", "max_lag"),
        (None, "60", "timestamp"),
    ],
)
def test_too_old_and_senseless_limits_are_said(ago: float | None, stated: object, field: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        lag.check(event(ago), stated, NOW)
    assert [error.field for error in caught.value.errors] == [field]


@pytest.mark.parametrize("minutes", [-60, 0, 14])
def test_a_clock_may_be_wrong_by_minutes(minutes: float) -> None:
    lag.check_ahead(event(-60 * minutes), NOW)


def test_a_signal_of_the_future_is_not_taken() -> None:
    with pytest.raises(InvalidBody, match="yet to come: see to the sender's clock and time zone") as caught:
        lag.check_ahead(event(-30 * 60), NOW)
    assert [error.field for error in caught.value.errors] == ["timestamp"]
