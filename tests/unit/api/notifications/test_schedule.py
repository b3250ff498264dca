"""When messages go out."""

from datetime import UTC, datetime, timedelta
from random import Random

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


def test_a_digest_is_due_at_one_moment_for_all_that_wait() -> None:
    dues = {due_at(spec(), ChannelState(), Priority.P2, NOW + minute * 60 * SECOND, NOW) for minute in range(1, 15)}
    assert dues == {NOW.replace(minute=30)}
    assert due_at(spec(digest_interval="24h"), ChannelState(), Priority.P2, NOW, NOW) == datetime(
        2026, 11, 28, tzinfo=UTC
    )


def test_a_digest_never_waits_longer_than_its_interval() -> None:
    chosen = Random(5)  # noqa: S311 - the same each time
    for _ in range(2_000):
        seconds = chosen.randint(1, 90_000)
        created = NOW + timedelta(seconds=chosen.uniform(0, 10_000_000))
        due = due_at(spec(digest_interval=f"{seconds}s"), ChannelState(), Priority.P2, created, created)
        assert created <= due < created + timedelta(seconds=seconds)


def test_a_clock_that_ran_ahead_holds_up_nothing() -> None:
    ahead = ChannelState(last_p1_at=NOW + timedelta(days=1))
    assert due_at(spec(), ahead, Priority.P1, NOW, NOW) == NOW + 30 * SECOND


def test_retries_are_spread_and_bounded() -> None:
    chosen = Random(5)  # noqa: S311 - the same each time
    for attempt in range(1, ATTEMPTS_MAX):
        for reason in ChannelReason:
            for asked in (None, timedelta(seconds=-5), timedelta(), timedelta(seconds=20), timedelta(days=400)):
                outcome = Outcome(reason, retry_after=asked)
                at = retry_at(attempt, outcome, NOW, chosen.random)
                if outcome.sent or outcome.permanent:
                    assert at is None
                    continue
                assert at is not None
                assert SECOND <= at - NOW <= timedelta(minutes=75)
                if asked is not None and asked < timedelta(hours=1):
                    assert at - NOW >= asked
    early = retry_at(3, Outcome(ChannelReason.TIMEOUT), NOW, lambda: 0.0)
    late = retry_at(3, Outcome(ChannelReason.TIMEOUT), NOW, lambda: 1.0)
    assert early is not None
    assert late is not None
    assert (early - NOW, late - NOW) == (timedelta(seconds=13.5), timedelta(seconds=22.5))


def test_pauses_grow_to_half_an_hour() -> None:
    pauses = [pause_after(failures) for failures in range(5, 13)]
    assert [pause.total_seconds() / 60 for pause in pauses if pause] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_no_more_than_the_limit_in_any_period_but_for_the_first_bucket() -> None:
    chosen = Random(5)  # noqa: S311 - the same each time
    for _ in range(50):
        messages, seconds = chosen.randint(1, 20), chosen.randint(1, 120)
        limit, per = RateLimit(messages=messages, per=f"{seconds}s"), timedelta(seconds=seconds)
        state, now, sent = ChannelState(), NOW, []
        for _ in range(200):
            state, wait = take(state, limit, now)
            if not wait:
                sent.append(now)
                now += timedelta(seconds=chosen.choice((0, 0, 0, seconds / 50, seconds)))
            else:
                assert wait <= per / messages + timedelta(microseconds=2)
                now += wait
                state, wait = take(state, limit, now)
                assert not wait, "who waited as long as he was told may send"
                sent.append(now)
        for index, first in enumerate(sent):
            # A full bucket and what flows in meanwhile.
            assert sum(first <= at < first + per for at in sent[index:]) <= 2 * messages
        assert len(sent) <= messages + 1 + messages * ((sent[-1] - sent[0]) / per)


def test_a_bucket_waits_for_what_the_vendor_asked() -> None:
    limit = RateLimit(messages=60, per="1m")
    state, wait = take(ChannelState(tokens=0.0, tokens_at=NOW + 90 * SECOND), limit, NOW)
    assert timedelta(seconds=91) <= wait <= timedelta(seconds=91, microseconds=5)
    assert take(state, limit, NOW + wait)[1] == timedelta()


def test_a_clock_that_was_wrong_by_days_empties_no_bucket_for_days() -> None:
    limit = RateLimit(messages=60, per="1m")
    state, wait = take(ChannelState(tokens=0.0, tokens_at=NOW + timedelta(days=30)), limit, NOW)
    assert wait <= timedelta(seconds=1, microseconds=5)
    assert take(ChannelState(tokens=-3.0, tokens_at=NOW - timedelta(days=30)), limit, NOW)[0].tokens == 59
    assert take(state, None, NOW) == (state, timedelta())
    assert take(ChannelState(tokens=0.0, tokens_at=NOW), RateLimit(messages=1, per="0s"), NOW)[1] <= timedelta(
        seconds=2
    )
