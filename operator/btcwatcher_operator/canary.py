"""Whether the watches bring what happens: our own writes of the Lease must come back through one of them."""

import time
from collections import deque
from collections.abc import Callable

WRITES_REMEMBERED = 1000


class Canary:
    """`patience`: after how many seconds a write that was not seen shows that the watches are dead."""

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._unseen: deque[tuple[int, float]] = deque()

    def wrote(self, version: int) -> None:
        """The Lease has this resourceVersion now."""
        # The oldest ones tell since when nothing came: they are kept.
        if len(self._unseen) < WRITES_REMEMBERED:
            self._unseen.append((version, self._clock()))

    def saw(self, version: int) -> None:
        """A watch brought the Lease at this resourceVersion, and with it all that was before."""
        while self._unseen and self._unseen[0][0] <= version:
            self._unseen.popleft()

    @property
    def silent_for(self) -> float:
        """Seconds since the oldest write that was not seen; 0 when all were."""
        return self._clock() - self._unseen[0][1] if self._unseen else 0.0

    @property
    def alive(self) -> bool:
        return self.silent_for < self._patience
