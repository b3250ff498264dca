"""`max_lag`: a sender's own word, in the URL or the body, on how old its signal may be to be worth anything."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from btcwatcher_api.signals.fields import FieldError, InvalidBody, read_number
from btcwatcher_api.signals.types import Event

MAX_LAG_FIELD: Final = "max_lag"


def check(event: Event, stated: Any, now: datetime) -> None:
    """Raises InvalidBody for a signal older than `stated` seconds, or one that does not say how old it is."""
    most = read_number(stated) if isinstance(stated, str | int | Decimal) and not isinstance(stated, bool) else None
    if most is None or most <= 0:
        raise InvalidBody(FieldError(MAX_LAG_FIELD, "must be a number of seconds above 0"))
    if event.happened_at is None:
        raise InvalidBody(FieldError("timestamp", f"is required with {MAX_LAG_FIELD}: when the signal was made"))
    lag = (now - event.happened_at).total_seconds()
    if lag > most:
        raise InvalidBody(
            FieldError(MAX_LAG_FIELD, f"the signal is {lag:.1f} seconds old, more than {most} seconds: it is not taken")
        )


AHEAD: Final = timedelta(minutes=15)
"""A clock may be wrong by minutes; a time zone that was mistaken is at least half an hour."""


def check_ahead(event: Event, now: datetime) -> None:
    """Raises InvalidBody for a signal of the future: it would be the newest of the history until then."""
    if event.happened_at is not None and event.happened_at - now > AHEAD:
        when = event.happened_at.isoformat(timespec="seconds")
        message = f"the signal is of {when}, which is yet to come: see to the sender's clock and time zone"
        raise InvalidBody(FieldError("timestamp", message))


def check_kept(event: Event, kept: timedelta, now: datetime) -> None:
    """Raises InvalidBody for a signal older than signals are kept.

    It would be dropped at once, or, where the one it repeats is dropped already, be told of once more.
    """
    if event.happened_at is not None and now - event.happened_at > kept:
        when = event.happened_at.isoformat(timespec="seconds")
        message = f"the signal is of {when}, and signals are kept for {kept.days} days: it is not taken"
        raise InvalidBody(FieldError("timestamp", message))
