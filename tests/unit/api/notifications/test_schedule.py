"""When messages go out."""

from datetime import UTC, datetime, timedelta

import pytest

from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.schedule.due import due_at
from btcwatcher_api.notifications.schedule.durations import parse_duration
from btcwatcher_api.notifications.schedule.rate import take
from btcwatcher_api.notifications.schedule.retry import ATTEMPTS_MAX, pause_after, retry_at
from btcwatcher_api.notifications.schedule.state import ChannelState
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import (
    ChannelType,
    Grouping,
    NotificationChannelSpec,
    QuietHours,
    RateLimit,
)
from btcwatcher_crds.strategy import LocalReference

NOW = datetime(2026, 11, 27, 8, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def spec(*, quiet: QuietHours | None = None, **grouping: str) -> NotificationChannelSpec:
    return NotificationChannelSpec(
        type=ChannelType.EMAIL,
        credentials_ref=LocalReference(name="mail"),
        quiet_hours=quiet,
        grouping=Grouping(**grouping),
    )


def test_p0_is_due_at_once_whatever_the_hour() -> None:
    quiet = QuietHours(start="00:00", end="23:59")
    assert due_at(spec(quiet=quiet), ChannelState(last_p1_at=NOW), Priority.P0, NOW, NOW) == NOW


def test_p1_waits_for_its_group() -> None:
    due = due_at(spec(group_wait="10s"), ChannelState(), Priority.P1, NOW, NOW)
    assert due == NOW + 10 * SECOND
    due = due_at(spec(), ChannelState(last_p1_at=NOW - 10 * SECOND), Priority.P1, NOW, NOW)
    assert due == NOW + 20 * SECOND
    assert due_at(spec(), ChannelState(last_p1_at=NOW - 60 * SECOND), Priority.P1, NOW, NOW) == NOW


def test_p2_goes_out_with_the_next_digest() -> None:
    assert due_at(spec(), ChannelState(), Priority.P2, NOW, NOW) == NOW.replace(minute=30)
    assert due_at(spec(digest_interval="0s"), ChannelState(), Priority.P2, NOW, NOW) == NOW


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1h0m1s", 3601)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "s", "1d", "1m1h", "-1s", "1.5s", "5 m", "5m\n"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_retries_grow_and_end() -> None:
    outcome = Outcome(ChannelReason.UNREACHABLE)
    waits = [retry_at(attempt, outcome, NOW, lambda: 0.5) for attempt in range(1, ATTEMPTS_MAX)]
    assert all(wait is not None for wait in waits)
    assert waits == sorted(waits, key=lambda wait: wait or NOW)
    assert retry_at(ATTEMPTS_MAX, outcome, NOW, lambda: 0.5) is None
    assert retry_at(1, Outcome(ChannelReason.REJECTED), NOW, lambda: 0.5) is None


def test_a_vendors_wish_is_heard() -> None:
    outcome = Outcome(ChannelReason.RATE_LIMITED, retry_after=timedelta(seconds=90))
    assert retry_at(1, outcome, NOW, lambda: 0.0) == NOW + 90 * SECOND


def test_a_channel_that_keeps_failing_is_paused_for_longer_and_longer() -> None:
    assert pause_after(4) is None
    assert pause_after(5) == timedelta(minutes=1)
    assert pause_after(1, fault_of_channel=True) == timedelta(minutes=1)
    assert pause_after(1000) == timedelta(minutes=30)


def test_a_bucket_empties_and_fills() -> None:
    state, limit = ChannelState(), RateLimit(messages=2, per="1m")
    for _ in range(2):
        state, wait = take(state, limit, NOW)
        assert not wait
    state, wait = take(state, limit, NOW)
    assert timedelta(seconds=30) <= wait < timedelta(seconds=31)
    state, wait = take(state, limit, NOW + wait)
    assert not wait
