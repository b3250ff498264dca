"""What one address may ask of one host: weight a minute, and the bans that exchanges speak. Pure: time is given.

A bucket that fills at an even pace. In no minute it gives more than the limit: a sixth of it may be asked at once,
the rest comes over the minute. It begins empty, because nobody knows what was asked before a restart.
"""

import math
from typing import Final

_MINUTE: Final = 60.0
_AT_ONCE: Final = 1 / 6
_FIRST_SECONDS: Final = 1.0
"""A new bucket holds what comes in so many seconds."""
_NEARLY: Final = 0.95
"""From this part of the limit on, by the exchange's own count, nothing more is asked in this minute."""

_NOTHING: Final = 1e-3


class Budget:
    """`now` is seconds since the epoch, for exchanges count by its minutes."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.limit: Final = per_minute
        self._at_once = max(1.0, per_minute * _AT_ONCE)
        self._pace = max((per_minute - self._at_once) / _MINUTE, 1 / _MINUTE)
        self._left = min(self._at_once, max(1.0, self._pace * _FIRST_SECONDS))
        self._filled = now
        self._shut_until = 0.0
        self._used = (0, 0.0)

    def wait(self, weight: int, now: float) -> float:
        """Seconds until a call of this weight may be made; 0: now. One that is heavier than what may be asked at once
        waits for a full bucket, and leaves a debt."""
        self._fill(now)
        missing = min(float(weight), self._at_once) - self._left
        if missing < _NOTHING:
            missing = 0.0  # what rounding leaves would be waited for without an end
        return max(self._shut_until - now, missing / self._pace, 0.0)

    def spend(self, weight: int, now: float) -> None:
        self._fill(now)
        self._left -= weight

    def told(self, used: int, now: float) -> None:
        """What the exchange says was used in this minute of the clock, by whomever behind this address."""
        self._used = (used, now)
        self._fill(now)
        self._left = min(self._left, self.limit - used)
        if used >= self.limit * _NEARLY:
            self._shut_until = (math.floor(now / _MINUTE) + 1) * _MINUTE

    def used(self, now: float) -> float:
        """Weight that counts against the limit now: as the exchange says, or what is missing in the bucket."""
        self._fill(now)
        said, at = self._used
        if said and math.floor(at / _MINUTE) == math.floor(now / _MINUTE):
            return float(said)
        return max(0.0, self._at_once - self._left)

    def _fill(self, now: float) -> None:
        # A clock that was put back must not empty the bucket.
        passed = max(0.0, now - self._filled)
        self._left = min(self._at_once, self._left + passed * self._pace)
        self._filled = now
