"""Sees to it that a SIGTERM is heeded.

freqtrade answers one by raising KeyboardInterrupt in whatever runs in the main thread then. Where that is a callback of
some C code the exception is lost, and the bot trades on until it is killed (seen once, on a busy machine). So the
signal is noted where nothing can lose it, and sent to the main thread again until freqtrade says that it ends.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable

AGAIN_SECONDS = 3.0


class Ending:
    """`look` is called from the monitor's thread."""

    def __init__(self, ends: Callable[[], bool], again_seconds: float = AGAIN_SECONDS) -> None:
        """`ends` tells whether freqtrade has begun to end."""
        self._ends = ends
        self._again = again_seconds
        self._told_at: float | None = None
        self._noted: int | None = None

    def install(self) -> None:
        """From the main thread: note every signal that a Python handler gets."""
        self._noted, write = os.pipe()
        os.set_blocking(self._noted, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def look(self, now: float) -> bool:
        """Look once, `now` in monotonic seconds; whether the signal was sent again."""
        if self._noted is None:
            return False
        with contextlib.suppress(BlockingIOError):
            if self._told_at is None and signal.SIGTERM in os.read(self._noted, 512):
                self._told_at = now
        if self._told_at is None or self._ends() or now - self._told_at < self._again:
            return False
        self._told_at = now
        main = threading.main_thread().ident
        if main is not None:
            signal.pthread_kill(main, signal.SIGTERM)
        return True
