"""Answers that are kept, bounded in bytes: what was not asked for the longest goes first."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from btcwatcher_api.market.freshness import Lifetime
from btcwatcher_api.market.questions import Question

_OVERHEAD: Final = 1024
"""What an entry costs beside its body, bytes, about."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an exchange answered, as it was sent."""

    status: int
    content_type: str
    encoding: str
    """gzip, or empty."""
    body: bytes
    came_ms: float
    """When it began to come, ms since the epoch."""
    lifetime: Lifetime
    retry_after: str = ""
    passing: bool = False
    """Whether it is an error that will pass: the exchange is broken, or left alone."""


class Store:
    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[Question, Answer] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: Question) -> Answer | None:
        answer = self._kept.get(question)
        if answer is not None:
            self._kept.move_to_end(question)
        return answer

    def put(self, question: Question, answer: Answer) -> None:
        """One that is larger than the whole is not kept."""
        self.drop(question)
        size = _size(answer)
        if size > self._limit:
            return
        self._kept[question] = answer
        self.bytes += size
        while self.bytes > self._limit:
            _, gone = self._kept.popitem(last=False)
            self.bytes -= _size(gone)

    def drop(self, question: Question) -> None:
        gone = self._kept.pop(question, None)
        if gone is not None:
            self.bytes -= _size(gone)


def _size(answer: Answer) -> int:
    return len(answer.body) + _OVERHEAD
