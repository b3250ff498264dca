"""What a worker does with a channel's deliveries, and what an outcome makes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.subject import Kind, Subject
from btcwatcher_api.notifications.worker.claims import Channel, Claim, Claimed
from btcwatcher_api.notifications.worker.decisions import TOGETHER, judge, plan_of
from btcwatcher_api.notifications.worker.plans import Defer, Hold, Plan, Send, Skip
from btcwatcher_api.notifications.worker.states import SharedState
from btcwatcher_api.notifications.worker.verdicts import State, Verdict
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec, RateLimit

NOW = datetime(2026, 11, 27, 12, 7, tzinfo=UTC)
PROBE = timedelta(seconds=20)


def spec(**fields: Any) -> NotificationChannelSpec:
    return NotificationChannelSpec.model_validate({"type": "Telegram", "credentialsRef": {"name": "s"}, **fields})


def plan(
    state: SharedState | None = None,
    priority: Priority = Priority.P0,
    limit: RateLimit | None = None,
    *,
    most: int = 4,
    test: bool = False,
    **fields: Any,
) -> Plan:
    known, of = spec(**fields), state or SharedState()
    return plan_of(known, limit, priority, of, NOW, NOW, test=test, most=most, probe_for=PROBE)


def claim(*numbers: int, priority: Priority = Priority.P0, probe: bool = False) -> Claim:
    deliveries = [Claimed(UUID(int=n), UUID(int=n), NOW, number, NOW, None, NOW) for n, number in enumerate(numbers)]
    return Claim(UUID(int=9), Channel("trading", "desk"), priority, deliveries, probe, 0.0)


def judged(
    reason: ChannelReason, of: Claim | None = None, state: SharedState | None = None, **fields: Any
) -> tuple[SharedState, list[tuple[State, ChannelReason]]]:
    after, verdicts = judge(spec(**fields), of or claim(1), Outcome(reason), state or SharedState(), NOW, lambda: 0.5)
    return after, [(verdict.state, verdict.reason) for verdict in verdicts]


def test_each_p0_is_a_message_of_its_own() -> None:
    assert plan() == Send(4, 4, SharedState())


def test_what_the_rate_limit_leaves_no_room_for_shares_the_last_message() -> None:
    given = plan(limit=RateLimit(messages=3, per="1m"))
    assert isinstance(given, Send)
    assert (given.messages, given.rows, given.state.tokens) == (3, 2 + TOGETHER, 0)


def test_without_a_token_the_channel_is_held() -> None:
    given = plan(SharedState(tokens=0.0, tokens_at=NOW), limit=RateLimit(messages=60, per="1m"))
    assert isinstance(given, Hold)
    assert timedelta(seconds=1) <= given.until - NOW < timedelta(seconds=2)
    assert given.fallback is None, "it is not at fault"


@pytest.mark.parametrize("priority", [Priority.P1, Priority.P2])
def test_p1_and_p2_go_out_together_and_are_remembered(priority: Priority) -> None:
    given = plan(SharedState(), priority, grouping={"digestInterval": "0s"})
    assert isinstance(given, Send)
    assert (given.messages, given.rows) == (1, TOGETHER)
    assert (given.state.last_p1_at if priority is Priority.P1 else given.state.last_p2_at) == NOW


def test_a_p1_after_another_waits_for_the_interval() -> None:
    state = SharedState(last_p1_at=NOW - timedelta(seconds=10))
    assert plan(state, Priority.P1) == Defer(NOW + timedelta(seconds=20))


def test_a_paused_channel_sends_nothing_and_its_fallback_gets_what_is_urgent() -> None:
    until = NOW + timedelta(minutes=1)
    state = SharedState(failures=5, paused_until=until)
    assert plan(state, fallback={"name": "pager"}) == Hold(until, "pager")
    assert plan(state, Priority.P1, fallback={"name": "pager"}) == Hold(until)


def test_after_the_pause_one_message_tries_it() -> None:
    state = SharedState(failures=5, paused_until=NOW)
    assert plan(state) == Send(1, 1, replace(state, paused_until=NOW + PROBE), probe=True)


def test_a_test_tries_a_paused_channel_at_once_and_the_pause_stays_until_it_is_judged() -> None:
    until = NOW + timedelta(minutes=10)
    state = SharedState(failures=5, paused_until=until)
    assert plan(state, test=True) == Send(1, 1, state, probe=True, kind=Kind.TEST)
    soon = replace(state, paused_until=NOW + timedelta(seconds=1))
    assert plan(soon, test=True) == Send(1, 1, replace(state, paused_until=NOW + PROBE), probe=True, kind=Kind.TEST)
    empty = replace(state, tokens=0.0, tokens_at=NOW)
    assert isinstance(plan(empty, test=True, limit=RateLimit(messages=3, per="3m")), Hold)
    assert plan(test=True) == Send(4, 4, SharedState()), "without a pause it is one of many"


def test_a_test_is_tried_once_and_has_no_fallback() -> None:
    by_hand = Subject(UUID(int=5), Kind.TEST, Priority.P0, "trading", None, NOW, {})
    both = claim(1, 1)
    both = replace(both, deliveries=[replace(both.deliveries[0], subject=by_hand), both.deliveries[1]])
    _, verdicts = judge(
        spec(fallback={"name": "mail"}), both, Outcome(ChannelReason.TIMEOUT), SharedState(), NOW, lambda: 0.5
    )
    assert verdicts[0] == Verdict(State.FAILED, ChannelReason.TIMEOUT)
    assert (verdicts[1].state, verdicts[1].fallback) == (State.PENDING, "mail")


def test_suspended_and_missing_channels_are_skipped() -> None:
    assert plan(suspend=True) == Skip(ChannelReason.SUSPENDED)
    missing = plan_of(None, None, Priority.P0, SharedState(), NOW, NOW, most=1, probe_for=PROBE)
    assert missing == Skip(ChannelReason.CHANNEL_MISSING)


def test_a_yes_ends_the_pause() -> None:
    after, verdicts = judged(ChannelReason.SENT, state=SharedState(failures=7, paused_until=NOW))
    assert (after.failures, after.paused_until, after.last_sent_at) == (0, None, NOW)
    assert verdicts == [(State.SENT, ChannelReason.SENT)]


def test_the_last_attempt_is_counted_for_each_delivery_of_a_message() -> None:
    _, verdicts = judged(ChannelReason.TIMEOUT, claim(1, 8, priority=Priority.P1))
    assert verdicts == [(State.PENDING, ChannelReason.TIMEOUT), (State.FAILED, ChannelReason.EXHAUSTED)]


@pytest.mark.parametrize("reason", [ChannelReason.AUTH, ChannelReason.SECRET_MISSING, ChannelReason.SECRET_INVALID])
def test_faults_of_the_channel_pause_it_at_once_and_cost_no_delivery(reason: ChannelReason) -> None:
    after, verdicts = judged(reason, claim(8))
    assert after.paused_until is not None
    assert verdicts == [(State.PENDING, reason)]


def test_a_run_of_failures_pauses_it_and_a_failed_try_keeps_it_so() -> None:
    state = SharedState()
    for _ in range(4):
        state, _ = judged(ChannelReason.UNREACHABLE, state=state)
        assert state.paused_until is None
    state, _ = judged(ChannelReason.UNREACHABLE, state=state)
    assert state.paused_until == NOW + timedelta(minutes=1)
    state, verdicts = judged(ChannelReason.UNREACHABLE, claim(8, probe=True), state)
    assert state.paused_until is not None
    assert state.paused_until > NOW + timedelta(minutes=1)
    assert verdicts == [(State.PENDING, ChannelReason.UNREACHABLE)], "a try of the channel is no message's last attempt"


def test_a_refused_message_says_that_the_channel_works() -> None:
    after, verdicts = judged(ChannelReason.REJECTED, claim(1), SharedState(failures=3))
    assert (after.failures, after.last_reason) == (0, ChannelReason.REJECTED)
    assert verdicts == [(State.FAILED, ChannelReason.REJECTED)]


def test_a_vendors_wish_empties_the_bucket_until_then() -> None:
    outcome = Outcome(ChannelReason.RATE_LIMITED, retry_after=timedelta(seconds=90))
    after, (verdict,) = judge(spec(), claim(1), outcome, SharedState(), NOW, lambda: 0.0)
    assert (after.tokens, after.tokens_at) == (0.0, NOW + timedelta(seconds=90))
    assert verdict.next_attempt_at is not None
    assert verdict.next_attempt_at >= NOW + timedelta(seconds=90)
    assert isinstance(plan(after, limit=RateLimit(messages=20, per="1m")), Hold)


def test_only_what_is_urgent_falls_over() -> None:
    for priority, expected in ((Priority.P0, "pager"), (Priority.P1, None)):
        _, (verdict,) = judge(
            spec(fallback={"name": "pager"}),
            claim(1, priority=priority),
            Outcome(ChannelReason.TIMEOUT),
            SharedState(),
            NOW,
            lambda: 0.5,
        )
        assert verdict.fallback == expected


def test_a_failed_digest_does_not_wait_for_the_next_ones_time() -> None:
    after, _ = judged(ChannelReason.TIMEOUT, claim(1, priority=Priority.P2), SharedState(last_p2_at=NOW))
    assert after.last_p2_at is None
