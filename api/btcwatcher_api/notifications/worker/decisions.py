"""What to do with a channel's deliveries, and what an outcome makes of them: pure, over its spec and its state."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, cast

from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.schedule.due import due_at
from btcwatcher_api.notifications.schedule.rate import take
from btcwatcher_api.notifications.schedule.retry import pause_after, retry_at
from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.worker.claims import Claim
from btcwatcher_api.notifications.worker.plans import Defer, Hold, Plan, Send, Skip
from btcwatcher_api.notifications.worker.states import SharedState
from btcwatcher_api.notifications.worker.verdicts import State, Verdict
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec, RateLimit

TOGETHER: Final = 500
"""Most deliveries in one message."""
_SKIPPING: Final = frozenset({ChannelReason.CHANNEL_MISSING, ChannelReason.SUSPENDED, ChannelReason.TOO_OLD})
_ANSWER_KEPT: Final = 200
_LONGEST_ASKED: Final = timedelta(hours=1)
"""A mistaken answer must not silence a channel for days."""


def plan_of(
    spec: NotificationChannelSpec | None,
    limit: RateLimit | None,
    priority: Priority,
    state: SharedState,
    now: datetime,
    first: datetime,
    *,
    test: bool = False,
    most: int,
    probe_for: timedelta,
) -> Plan:
    """`first` is when the first of what is due was made, `most` how many messages may be sent now, and `probe_for` how
    long the one that tries a paused channel has for it. Without a spec there is no such channel. `test`: somebody
    tests the paused channel, and his test tries it at once."""
    if spec is None:
        return Skip(ChannelReason.CHANNEL_MISSING)
    if spec.suspend:
        return Skip(ChannelReason.SUSPENDED)
    probe = state.paused_until is not None
    paused = state.paused_until is not None and state.paused_until > now
    if state.paused_until is not None and paused and not test:
        return Hold(state.paused_until, _fallback(spec, priority))
    due = due_at(spec, state, priority, first, now)
    if due > now:
        return Defer(due)
    wanted = most if priority is Priority.P0 and not probe else 1
    after, messages, wait = state, 0, timedelta()
    while messages < wanted:
        taken, wait = take(after, limit, now)
        if wait:
            break
        after = cast("SharedState", taken)
        messages += 1
    if not messages:
        return Hold(now + wait)
    if probe:
        # Nobody else tries it meanwhile; the outcome says how it goes on.
        after = replace(after, paused_until=max(now + probe_for, state.paused_until or now))
    # An urgent one goes out by itself. Only where the limit leaves no room for all, the rest shares the last message.
    together = not probe and (priority is not Priority.P0 or messages < wanted)
    rows = messages - 1 + TOGETHER if together else messages
    return Send(messages, rows, _marked(after, priority, now), probe, Kind.TEST if paused else None)


def judge(
    spec: NotificationChannelSpec | None,
    claim: Claim,
    outcome: Outcome,
    state: SharedState,
    now: datetime,
    random: Callable[[], float],
) -> tuple[SharedState, Sequence[Verdict]]:
    """The channel's next state, and what becomes of each delivery of the claim."""
    if outcome.reason in _SKIPPING:
        return state, [Verdict(State.SKIPPED, outcome.reason) for _ in claim.deliveries]
    if outcome.sent:
        after = replace(
            state, failures=0, paused_until=None, last_reason=str(outcome.reason), last_answer=None, last_sent_at=now
        )
        return after, [Verdict(State.SENT, outcome.reason) for _ in claim.deliveries]
    after = _failed(state, claim, outcome, now)
    # While a channel is paused its deliveries lose no attempts, and where only a person can mend it neither.
    counts = not (claim.probe or outcome.fault_of_channel)
    fallback = _fallback(spec, claim.priority)
    verdicts = []
    for delivery in claim.deliveries:
        if delivery.subject is not None and delivery.subject.kind is Kind.TEST:
            # Who tests a channel wants to know of this attempt, and of no other channel.
            verdicts.append(Verdict(State.FAILED, outcome.reason))
            continue
        again = retry_at(delivery.number if counts else 1, outcome, now, random)
        if again is not None:
            wait = max(again, after.paused_until) if after.paused_until is not None else again
            verdicts.append(Verdict(State.PENDING, outcome.reason, wait, fallback))
        else:
            reason = outcome.reason if outcome.permanent else ChannelReason.EXHAUSTED
            verdicts.append(Verdict(State.FAILED, reason, fallback=fallback))
    return after, verdicts


def _failed(state: SharedState, claim: Claim, outcome: Outcome, now: datetime) -> SharedState:
    told = replace(
        state,
        last_reason=str(outcome.reason),
        last_answer=outcome.answer[:_ANSWER_KEPT].replace("\x00", "") or None,
        tried_with=outcome.tried_with,
        # What failed may go out again before the group's or the digest's next time.
        last_p1_at=None if claim.priority is Priority.P1 else state.last_p1_at,
        last_p2_at=None if claim.priority is Priority.P2 else state.last_p2_at,
    )
    if outcome.permanent:
        # The channel works: it is this message that is refused.
        return replace(told, failures=0, paused_until=None)
    failures = state.failures + 1
    pause = pause_after(failures, fault_of_channel=outcome.fault_of_channel)
    if pause is None and claim.probe:
        # Enough has failed before: it stays paused.
        pause = pause_after(failures, fault_of_channel=True)
    if outcome.reason is ChannelReason.RATE_LIMITED and outcome.retry_after is not None:
        # What the vendor asks holds for every message of the channel: its bucket is empty until then.
        told = replace(told, tokens=0.0, tokens_at=now + min(outcome.retry_after, _LONGEST_ASKED))
    return replace(told, failures=failures, paused_until=now + pause if pause is not None else None)


def _fallback(spec: NotificationChannelSpec | None, priority: Priority) -> str | None:
    return spec.fallback.name if spec is not None and spec.fallback is not None and priority is Priority.P0 else None


def _marked(state: SharedState, priority: Priority, now: datetime) -> SharedState:
    match priority:
        case Priority.P0:
            return state
        case Priority.P1:
            return replace(state, last_p1_at=now)
        case Priority.P2:
            return replace(state, last_p2_at=now)
