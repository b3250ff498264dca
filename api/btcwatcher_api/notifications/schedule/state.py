"""What all workers know of one channel: its row of `channel_states`."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Times are aware, UTC; None: never yet."""

    failures: int = 0
    """Attempts that failed since the last one that did not."""
    paused_until: datetime | None = None
    last_p1_at: datetime | None = None
    """When the last P1 message went out."""
    last_p2_at: datetime | None = None
    """When the last digest went out."""
    tokens: float | None = None
    """Messages that could be sent at once at `tokens_at`."""
    tokens_at: datetime | None = None
