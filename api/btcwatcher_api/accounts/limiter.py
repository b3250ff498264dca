"""Holds back who guesses passwords. In memory: with several replicas each counts for itself."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_FAILURES: Final = 10
ADDRESS_FAILURES: Final = 100
"""Of one address: many people may sit behind it."""
_WINDOW_SECONDS: Final = 300.0
_MOST_NAMES: Final = 10_000


class LoginLimiter:
    """At most so many attempts of one name or address in five minutes, whether the name exists or not.

    Of 10,000 of them the oldest are forgotten first: the memory is bounded. Who is signed in already is not held back.
    """

    def __init__(self, failures: int = _FAILURES, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._clock = clock
        self._begun: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def attempt(self, name: str) -> int:
        """Count an attempt, before the password is looked at. 0: go on; otherwise the seconds to wait."""
        now = self._clock()
        since, count = self._begun.get(name, (now, 0))
        if now - since >= _WINDOW_SECONDS:
            since, count = now, 0
        if count >= self._failures:
            return math.ceil(since + _WINDOW_SECONDS - now)
        self._begun[name] = (since, count + 1)
        self._begun.move_to_end(name)
        if len(self._begun) > _MOST_NAMES:
            self._begun.popitem(last=False)
        return 0

    def forgive(self, name: str) -> None:
        """Take one attempt back. One's own success must not clear what was guessed at others from the same address."""
        since, count = self._begun.get(name, (0.0, 0))
        if count:
            self._begun[name] = (since, count - 1)

    def succeeded(self, name: str) -> None:
        """Clear the attempts."""
        self._begun.pop(name, None)
