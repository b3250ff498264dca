"""What a worker holds for the time of a lease: messages, and the deliveries that go out in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from btcwatcher_api.notifications.subject import Subject
from btcwatcher_api.signals.types import Priority


class Channel(NamedTuple):
    """A NotificationChannel as deliveries name it; whether it exists is another question."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery in the hands of this worker."""

    id: UUID
    subject_id: UUID
    created_at: datetime
    number: int
    """Of this attempt. Whoever finds another one in the row has lost his lease."""
    started_at: datetime
    subject: Subject | None
    """None: its signal or notice has been dropped meanwhile."""
    since: datetime
    """When it was made, or replayed: from then on its age counts."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One message to be: the deliveries of one channel and priority that go out together."""

    message_id: UUID
    channel: Channel
    priority: Priority
    deliveries: Sequence[Claimed]
    probe: bool
    """Whether it is the one message that tries a channel which is paused."""
    lease_ends: float
    """By this process' monotonic clock; afterwards somebody else may send the same."""

    @property
    def subjects(self) -> list[Subject]:
        return [one.subject for one in self.deliveries if one.subject is not None]
