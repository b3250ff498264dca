"""How long an exchange wants to be left alone, by what it answered."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

TOO_MANY: Final = 429
BANNED: Final = 418
_TOO_MANY_SECONDS: Final = 5.0
_BANNED_SECONDS: Final = 120.0
"""Binance's shortest ban."""
_LONGEST_SECONDS: Final = 3 * 86_400.0
"""Binance's longest; what says more is wrong."""


def pause_seconds(status: int, retry_after: str, now: float) -> float:
    """0: no pause. `now` is seconds since the epoch."""
    said = _retry_after(retry_after, now)
    if status == BANNED:
        return said if said is not None else _BANNED_SECONDS
    if status == TOO_MANY:
        return said if said is not None else _TOO_MANY_SECONDS
    # 503 with Retry-After: it says when it will be back.
    return said if status == 503 and said is not None else 0.0


def _retry_after(value: str, now: float) -> float | None:
    """Seconds, from a number or a date."""
    value = value.strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
    # NaN, too, is no number of seconds.
    return min(max(seconds, 1.0), _LONGEST_SECONDS) if seconds == seconds else None


def moment(seconds: float) -> str:
    """For people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
