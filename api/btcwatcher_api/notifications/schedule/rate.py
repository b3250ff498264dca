"""How many messages a channel may send in a time: a token bucket that all workers share."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from btcwatcher_api.notifications.schedule.durations import parse_duration
from btcwatcher_api.notifications.schedule.state import ChannelState
from btcwatcher_crds.notification_channel import RateLimit

State = TypeVar("State", bound=ChannelState)

_LEAST_PER: Final = timedelta(seconds=1)
_FURTHEST_AHEAD: Final = timedelta(hours=1)


def take(state: ChannelState, limit: RateLimit | None, now: datetime) -> tuple[ChannelState, timedelta]:
    """Take one message's token: the new state and no wait, or the state with its tokens counted up and the wait.

    A bucket holds the messages of one period, and is full at first. `tokens_at` may lie ahead, and none comes before
    it: a vendor asked us to wait, or another worker's clock is a little ahead. Without a limit nothing is counted.
    """
    if limit is None:
        return state, timedelta()
    per = max(parse_duration(limit.per), _LEAST_PER)
    tokens, counted_at = _tokens(state, limit.messages, per, now)
    if tokens >= 1:
        return replace(state, tokens=tokens - 1, tokens_at=counted_at), timedelta()
    # A microsecond more than needed: who comes back after exactly this wait finds his token, whatever was rounded.
    wait = counted_at - now + per * ((1 - tokens) / limit.messages) + timedelta(microseconds=1)
    return replace(state, tokens=tokens, tokens_at=counted_at), wait


def give_back(state: State, messages: int) -> State:
    """The tokens of messages that were not sent after all. What the bucket does not hold is cut at the next count."""
    return state if state.tokens is None else replace(state, tokens=state.tokens + messages)


def _tokens(state: ChannelState, capacity: int, per: timedelta, now: datetime) -> tuple[float, datetime]:
    if state.tokens is None or state.tokens_at is None:
        return float(capacity), now
    tokens = min(float(capacity), max(state.tokens, 0.0))
    if state.tokens_at > now + _FURTHEST_AHEAD:
        # No clock that was wrong may silence a channel.
        return tokens, now
    if state.tokens_at > now:
        return tokens, state.tokens_at
    return min(float(capacity), tokens + capacity * ((now - state.tokens_at) / per)), now
