"""How many messages a channel may send in a time: a token bucket that all workers share."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from btcwatcher_api.notifications.schedule.durations import parse_duration
from btcwatcher_api.notifications.schedule.state import ChannelState
from btcwatcher_crds.notification_channel import RateLimit

_LEAST_PER: Final = timedelta(seconds=1)


def take(state: ChannelState, limit: RateLimit | None, now: datetime) -> tuple[ChannelState, timedelta]:
    """Take one message's token: the new state and no wait, or the state with its tokens counted up and the wait.

    A bucket holds the messages of one period, and is full at first. Without a limit nothing is counted.
    """
    if limit is None:
        return state, timedelta()
    per = max(parse_duration(limit.per), _LEAST_PER)
    tokens = _tokens(state, limit.messages, per, now)
    if tokens >= 1:
        return replace(state, tokens=tokens - 1, tokens_at=now), timedelta()
    # A microsecond more than needed: who comes back after exactly this wait finds his token, whatever was rounded.
    wait = per * ((1 - tokens) / limit.messages) + timedelta(microseconds=1)
    return replace(state, tokens=tokens, tokens_at=now), wait


def _tokens(state: ChannelState, capacity: int, per: timedelta, now: datetime) -> float:
    if state.tokens is None or state.tokens_at is None:
        return float(capacity)
    # Workers' clocks differ a little: time never runs backwards here.
    since = max(now - state.tokens_at, timedelta())
    return min(float(capacity), max(state.tokens, 0.0) + capacity * (since / per))
