"""What may be done with the deliveries of a channel that are due."""

from dataclasses import dataclass
from datetime import datetime

from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.worker.states import SharedState
from btcwatcher_crds.conditions import ChannelReason


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing of the channel may be sent until then, whatever is due: it is paused, or its rate limit is used up."""

    until: datetime
    fallback: str | None = None
    """The channel that gets what is due instead."""


@dataclass(frozen=True, slots=True)
class Defer:
    """They wait until then: quiet hours, a group or a digest."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Skip:
    """They are not sent at all."""

    reason: ChannelReason


@dataclass(frozen=True, slots=True)
class Send:
    """Send the first `rows` of them in at most so many messages; what is more than one each goes into the last."""

    messages: int
    rows: int
    state: SharedState
    """The channel's state once they are claimed."""
    probe: bool = False
    kind: Kind | None = None
    """Only deliveries of this kind."""


Plan = Hold | Defer | Skip | Send
