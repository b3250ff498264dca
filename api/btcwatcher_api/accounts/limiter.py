"""Holds back who guesses passwords. In memory: with several replicas each counts for itself."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_FAILURES: Final = 10
_WINDOW_SECONDS: Final = 300.0
_MOST_NAMES: Final = 10_000


class LoginLimiter:
    """At most ten attempts for one user name in five minutes, whether the name exists or not; a success clears them.

    By name and not by address: behind an Ingress all callers have one. Who is signed in already is not held back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def attempt(self, name: str) -> int:
        """Count an attempt, before the password is looked at. 0: go on; otherwise the seconds to wait."""
        now = self._clock()
        since, count = self._begun.get(name, (now, 0))
        if now - since >= _WINDOW_SECONDS:
            since, count = now, 0
        if count >= _FAILURES:
            return math.ceil(since + _WINDOW_SECONDS - now)
        self._begun[name] = (since, count + 1)
        self._begun.move_to_end(name)
        if len(self._begun) > _MOST_NAMES:
            self._begun.popitem(last=False)
        return 0

    def succeeded(self, name: str) -> None:
        self._begun.pop(name, None)
