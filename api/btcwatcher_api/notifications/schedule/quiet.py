"""Quiet hours by the clock of a time zone, across its changes to and from summer time.

It is quiet while the wall clock shows a time between start and end. What a clock put forward leaps over begins and ends
at the leap. A time that a clock put back shows twice begins with the first and ends with the last, so that nobody is
woken up by the hour in between.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from btcwatcher_crds.notification_channel import QuietHours, Weekday

_WEEKDAYS: Final = tuple(Weekday)
_DAY: Final = timedelta(days=1)
_WINDOWS_MAX: Final = 8
"""Windows that may follow one another without a gap: a clock put back makes the end of one reach into the next."""


def quiet_until(quiet: QuietHours, at: datetime) -> datetime | None:
    """The end of the quiet hours that `at` lies in, UTC; None if it lies in none."""
    zone = zone_of(quiet)
    end = None
    moment = at
    for _ in range(_WINDOWS_MAX):
        reached = _end_of_window(quiet, zone, moment)
        if reached is None:
            break
        end = moment = reached
    return end


def zone_of(quiet: QuietHours | None) -> ZoneInfo:
    """The time zone that quiet hours name; UTC where there are none, or where the name is unknown here."""
    return (_zone(quiet.time_zone) if quiet is not None else None) or ZoneInfo("UTC")


def unknown_time_zone(quiet: QuietHours | None) -> str | None:
    """What is wrong with the time zone, if no database on this machine knows it: its hours are read as UTC."""
    if quiet is None or _zone(quiet.time_zone) is not None:
        return None
    return (
        f"spec.quietHours.timeZone: {quiet.time_zone!r} is no time zone of the IANA database, such as Asia/Shanghai;"
        " its hours are read as UTC"
    )


def _end_of_window(quiet: QuietHours, zone: ZoneInfo, at: datetime) -> datetime | None:
    today = at.astimezone(zone).date()
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    for day in (today - _DAY, today):
        if quiet.days and _WEEKDAYS[day.weekday()] not in quiet.days:
            continue
        ends_on = day if end > start else day + _DAY
        opens, closes = instant(day, start, zone, last=False), instant(ends_on, end, zone, last=True)
        if opens <= at < closes:
            return closes
    return None


def instant(day: date, clock: time, zone: ZoneInfo, *, last: bool) -> datetime:
    """When the wall clock of the zone first (or last) comes to this time on this day, UTC."""
    local = datetime.combine(day, clock, zone)
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return second if last else first
    # A clock put forward leaps over it: read by the offset before the leap it lies after it, and the other way round.
    return _leap(second, first, zone)


def _leap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the zone's offset changes."""
    offset = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
