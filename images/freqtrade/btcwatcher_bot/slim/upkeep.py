"""Gives back what freqtrade drops: after its start, after each reload of the config and now and then.

freqtrade tells Python's collector to look seldom, and what a reload leaves behind, some thirty megabytes of exchange,
markets and candles that refer to each other, is found by nothing else. All of it happens in the thread of the trading
loop, between two rounds, where what is finalised has been used before.
"""

import ctypes
import gc

EVERY_SECONDS = 600.0
"""Between two looks without a reload. One takes some hundredths of a second."""


def after_imports() -> None:
    """What is there now stays: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    give_back()


def give_back() -> None:
    """Free memory goes back to the system. Does nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Upkeep:
    """Knows when it is time."""

    def __init__(self) -> None:
        self._last: float | None = None

    def due(self, now: float, reloaded: bool) -> bool:
        """Whether to look now, at a sign of life of the trading loop."""
        if self._last is not None and not reloaded and now - self._last < EVERY_SECONDS:
            return False
        self._last = now
        return True

    def sign(self, now: float, reloaded: bool) -> None:
        """The trading loop has come round, or has just been made anew. Called in its thread."""
        if self.due(now, reloaded):
            gc.collect()
            give_back()
