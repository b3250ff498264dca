"""What an outcome makes of a delivery, as the settling statement writes it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from btcwatcher_crds.conditions import ChannelReason


class DeliveryState(StrEnum):
    """Where a delivery stands: a column of `deliveries`."""

    PENDING = "Pending"
    SENT = "Sent"
    FAILED = "Failed"
    SKIPPED = "Skipped"


State = DeliveryState
"""In the worker, where there is no other."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one delivery."""

    state: State
    reason: ChannelReason
    next_attempt_at: datetime | None = None
    """When it is tried again, if it is still pending."""
    fallback: str | None = None
    """The channel that gets it as well."""
