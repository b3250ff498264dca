"""The gate that every write passes: open while this replica is certain to be the active one."""

import time
from collections.abc import Callable


class DeposedError(Exception):
    """This replica is no longer, or not certain to be, the active one."""


def _uptime() -> float:
    """Seconds that no clock adjustment changes; unlike time.monotonic() they run on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fence:
    """Closed until `open_until`, and again from its deadline on, whatever else the process is doing then."""

    def __init__(self, clock: Callable[[], float] = _uptime) -> None:
        self.clock = clock
        self._deadline = float("-inf")
        self._closed = False

    def open_until(self, deadline: float) -> None:
        """`deadline` by this fence's clock."""
        self._deadline = deadline

    def close(self) -> None:
        """For ever."""
        self._closed = True

    @property
    def seconds_left(self) -> float:
        return float("-inf") if self._closed else self._deadline - self.clock()

    def check(self) -> None:
        """Raises DeposedError unless open."""
        if self.seconds_left <= 0:
            raise DeposedError("this replica is not the active one, or cannot know: it writes nothing")
