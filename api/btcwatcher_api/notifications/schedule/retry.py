"""Whether and when an attempt that failed is made again, and when a channel that keeps failing is left alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from btcwatcher_api.notifications.outcome import Outcome

ATTEMPTS_MAX: Final = 8

_FIRST_WAIT: Final = timedelta(seconds=2)
_FACTOR: Final = 3
_LONGEST_WAIT: Final = timedelta(minutes=15)
_LONGEST_ASKED: Final = timedelta(hours=1)
"""What a vendor may ask us to wait: a mistaken answer must not silence a channel for days."""
_JITTER: Final = 0.25

_FAILURES_BEFORE_PAUSE: Final = 5
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(minutes=30)


def retry_at(attempt: int, outcome: Outcome, now: datetime, random: Callable[[], float]) -> datetime | None:
    """When the attempt after this one (the first is 1) is made; None: never. `random` gives numbers from 0 to 1."""
    if outcome.sent or outcome.permanent or attempt >= ATTEMPTS_MAX:
        return None
    wait = min(_FIRST_WAIT * float(_FACTOR ** (max(attempt, 1) - 1)), _LONGEST_WAIT)
    if outcome.retry_after is not None:
        asked = max(timedelta(), min(outcome.retry_after, _LONGEST_ASKED))
        # Never earlier than asked, and not all at the same moment.
        return now + max(asked, timedelta(seconds=1)) * (1 + _JITTER * random())
    return now + wait * (1 - _JITTER + 2 * _JITTER * random())


def pause_after(failures: int, *, fault_of_channel: bool = False) -> timedelta | None:
    """For how long a channel is paused after this many failures in a row; None: not at all.

    One failure is enough where only a person can mend the channel. After the pause one message is tried.
    """
    over = failures - (1 if fault_of_channel else _FAILURES_BEFORE_PAUSE)
    if over < 0:
        return None
    return min(_FIRST_PAUSE * float(2 ** min(over, 16)), _LONGEST_PAUSE)
