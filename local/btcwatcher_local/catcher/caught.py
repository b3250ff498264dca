"""What was caught: the newest messages, in memory."""

import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Caught:
    """One message. `to` is who it was for: a mail's receivers, a webhook's path."""

    number: int
    at: datetime
    way: str
    to: str
    title: str
    text: str

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "number": self.number,
            "at": self.at.isoformat(timespec="milliseconds"),
            "way": self.way,
            "to": self.to,
            "title": self.title,
            "text": self.text,
        }


@dataclass(slots=True)
class Messages:
    """The newest KEPT messages; older ones are forgotten."""

    _kept: deque[Caught] = field(default_factory=lambda: deque(maxlen=KEPT))
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add(self, way: str, to: str, title: str, text: str) -> None:
        self._kept.append(Caught(next(self._numbers), datetime.now(UTC), way, to, title, text))

    def newest_first(self) -> list[Caught]:
        return list(reversed(self._kept))
