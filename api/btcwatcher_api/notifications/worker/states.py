"""How a channel is doing, as all workers share it: a row of `channel_states`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from btcwatcher_api.notifications.schedule.state import ChannelState


@dataclass(frozen=True, slots=True)
class SharedState(ChannelState):
    """One row: what the schedule goes by, and what people are told of the channel."""

    last_reason: str | None = None
    """Of the last attempt, whatever became of it."""
    last_answer: str | None = None
    """What the vendor said to it, unless it took the message."""
    last_sent_at: datetime | None = None
    tried_with: str | None = None
    """Versions of the channel and its Secret that the last failure was made with: with others it may work."""


STATE_COLUMNS: Final = tuple(field.name for field in fields(SharedState))


def state_of(row: Mapping[str, Any]) -> SharedState:
    return SharedState(**{name: row[name] for name in STATE_COLUMNS})


def state_values(state: SharedState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in STATE_COLUMNS}
