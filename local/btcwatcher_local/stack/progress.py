"""What a person at the terminal sees: one line a step, with the seconds since the start."""

import sys
import time


class Progress:
    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        print(f"[{self.seconds:5.0f}s] {text}", flush=True)  # noqa: T201

    def plain(self, text: str = "") -> None:
        print(text, flush=True)  # noqa: T201

    def complain(self, text: str) -> None:
        print(f"[{self.seconds:5.0f}s] {text}", file=sys.stderr, flush=True)  # noqa: T201
