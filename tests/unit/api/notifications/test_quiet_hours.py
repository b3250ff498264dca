"""Quiet hours by the clock on the wall, on ordinary days and on those on which it is put forward or back."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from btcwatcher_api.notifications.schedule.due import due_at
from btcwatcher_api.notifications.schedule.quiet import quiet_until, unknown_time_zone, zone_of
from btcwatcher_api.notifications.schedule.state import ChannelState
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.notification_channel import ChannelType, NotificationChannelSpec, QuietHours, Weekday
from btcwatcher_crds.strategy import LocalReference

BERLIN, NEW_YORK, SHANGHAI, LORD_HOWE = "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# (zone, start, end, at in UTC, end in UTC or None)
CASES = [
    # ordinary days: the start is quiet, the end is not
    (BERLIN, "22:00", "07:00", "2026-11-27 20:59:59", None),
    (BERLIN, "22:00", "07:00", "2026-11-27 21:00:00", "2026-11-28 06:00"),
    (BERLIN, "22:00", "07:00", "2026-11-28 05:59:59", "2026-11-28 06:00"),
    (BERLIN, "22:00", "07:00", "2026-11-28 06:00:00", None),
    (SHANGHAI, "22:00", "07:30", "2026-07-01 15:00", "2026-07-01 23:30"),
    (SHANGHAI, "12:00", "14:00", "2026-07-01 05:59", "2026-07-01 06:00"),
    (SHANGHAI, "00:00", "23:59", "2026-07-01 15:59", None),
    ("UTC", "00:00", "23:59", "2026-07-01 00:00", "2026-07-01 23:59"),
    # Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC
    (BERLIN, "22:00", "07:00", "2026-03-28 22:00", "2026-03-29 05:00"),  # the night has one hour less
    (BERLIN, "22:00", "02:30", "2026-03-29 00:59:59", "2026-03-29 01:00"),  # 02:30 is leapt over: it ends at the leap
    (BERLIN, "22:00", "02:30", "2026-03-29 01:00", None),
    (BERLIN, "02:30", "04:00", "2026-03-29 00:59:59", None),
    (BERLIN, "02:30", "04:00", "2026-03-29 01:00", "2026-03-29 02:00"),  # and begins there
    (BERLIN, "02:10", "02:50", "2026-03-29 01:00", None),  # all of it is leapt over
    (BERLIN, "02:00", "03:00", "2026-03-29 01:00", None),
    # Berlin, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC, so 02:30 is at 00:30 and at 01:30
    (BERLIN, "22:00", "07:00", "2026-10-24 20:00", "2026-10-25 06:00"),  # one hour more
    (BERLIN, "22:00", "02:30", "2026-10-25 00:45", "2026-10-25 01:30"),  # nobody is woken up by the hour in between
    (BERLIN, "22:00", "02:30", "2026-10-25 01:30", None),
    (BERLIN, "02:30", "04:00", "2026-10-25 00:29:59", None),
    (BERLIN, "02:30", "04:00", "2026-10-25 00:30", "2026-10-25 03:00"),  # it begins with the first 02:30
    (BERLIN, "02:30", "04:00", "2026-10-25 01:10", "2026-10-25 03:00"),
    # the end of one reaches into the start of the next
    (BERLIN, "02:30", "02:29", "2026-10-25 00:00", "2026-10-26 01:29"),
    # New York, 8 March 2026: 02:00 becomes 03:00 at 07:00 UTC; 1 November: 02:00 becomes 01:00 at 06:00 UTC
    (NEW_YORK, "23:00", "02:15", "2026-03-08 06:30", "2026-03-08 07:00"),
    (NEW_YORK, "23:00", "08:00", "2026-03-08 04:00", "2026-03-08 12:00"),
    (NEW_YORK, "23:00", "01:30", "2026-11-01 05:45", "2026-11-01 06:30"),
    (NEW_YORK, "01:30", "02:00", "2026-11-01 05:30", "2026-11-01 07:00"),
    # Lord Howe changes by half an hour: 4 October 2026, 02:00 becomes 02:30 at 15:30 UTC; 5 April 2026 the other way
    (LORD_HOWE, "22:00", "02:15", "2026-10-03 15:00", "2026-10-03 15:30"),
    (LORD_HOWE, "02:15", "06:00", "2026-10-03 15:29:59", None),
    (LORD_HOWE, "02:15", "06:00", "2026-10-03 15:30", "2026-10-03 19:00"),
    (LORD_HOWE, "22:00", "01:45", "2026-04-04 14:50", "2026-04-04 15:15"),
    # a time zone that nobody knows is read as UTC, and said
    ("Mars/Olympus", "22:00", "07:00", "2026-07-01 23:00", "2026-07-02 07:00"),
]


@pytest.mark.parametrize(("zone", "start", "end", "at", "until"), CASES)
def test_quiet_until(zone: str, start: str, end: str, at: str, until: str | None) -> None:
    quiet = QuietHours(start=start, end=end, time_zone=zone)
    assert quiet_until(quiet, utc(at)) == (utc(until) if until else None)


def test_days_are_those_on_which_they_begin() -> None:
    quiet = QuietHours(start="22:00", end="07:00", time_zone=SHANGHAI, days=[Weekday.FRIDAY])
    friday_night = utc("2026-11-27 14:00")
    assert quiet_until(quiet, friday_night) == utc("2026-11-27 23:00")
    assert quiet_until(quiet, utc("2026-11-27 22:59")) == utc("2026-11-27 23:00")  # Saturday 06:59
    assert quiet_until(quiet, friday_night - timedelta(days=1)) is None
    assert quiet_until(quiet, friday_night + timedelta(days=1)) is None


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, SHANGHAI, LORD_HOWE, "Asia/Kathmandu", "Pacific/Apia", "UTC"])
@pytest.mark.parametrize(
    ("start", "end"), [("22:00", "07:00"), ("02:15", "02:45"), ("01:30", "03:10"), ("03:00", "02:00")]
)
def test_every_quarter_of_an_hour_agrees_with_the_clock_on_the_wall(zone: str, start: str, end: str) -> None:
    """It is quiet whenever the wall clock says so; else only within the hour that a clock put back shows twice."""
    quiet = QuietHours(start=start, end=end, time_zone=zone)
    opens, closes, tz = time.fromisoformat(start), time.fromisoformat(end), ZoneInfo(zone)
    differing = 0
    for day in ("01-10", "03-08", "03-28", "03-29", "04-04", "10-03", "10-24", "10-25", "11-01"):
        for quarter in range(96):
            at = utc(f"2026-{day} 00:07") + quarter * 15 * MINUTE
            wall = at.astimezone(tz).time()
            by_the_clock = opens <= wall < closes if opens < closes else wall >= opens or wall < closes
            until = quiet_until(quiet, at)
            if until is None:
                assert not by_the_clock, at
            else:
                assert until > at
                assert quiet_until(quiet, until) is None, "what waited goes out at the end, and is not put off again"
                differing += not by_the_clock
    assert differing <= 4


def test_both_ends_of_the_night_of_every_day_of_a_year() -> None:
    for zone in (BERLIN, NEW_YORK, LORD_HOWE):
        quiet, tz = QuietHours(start="22:00", end="07:00", time_zone=zone), ZoneInfo(zone)
        for number in range(365):
            day = date(2026, 1, 1) + timedelta(days=number)
            evening = datetime.combine(day, time(22), tz).astimezone(UTC)
            morning = datetime.combine(day + timedelta(days=1), time(7), tz).astimezone(UTC)
            assert quiet_until(quiet, evening - timedelta(microseconds=1)) is None
            assert quiet_until(quiet, evening) == morning
            assert quiet_until(quiet, morning - timedelta(microseconds=1)) == morning
            assert quiet_until(quiet, morning) is None


def test_an_unknown_zone_is_said() -> None:
    assert unknown_time_zone(None) is None
    assert unknown_time_zone(QuietHours(start="22:00", end="07:00", time_zone=BERLIN)) is None
    said = unknown_time_zone(QuietHours(start="22:00", end="07:00", time_zone="Mars/Olympus"))
    assert said is not None
    assert "spec.quietHours.timeZone: 'Mars/Olympus' is no time zone" in said
    # What is a folder of the database, or no name at all, is no zone either.
    for name in ("Europe", "../etc/passwd", "posixrules/x"):
        assert zone_of(QuietHours.model_construct(start="22:00", end="07:00", time_zone=name)).key == "UTC"
    assert zone_of(None).key == "UTC"


def test_what_waits_is_due_at_the_end_of_the_night_and_p0_is_not_asked() -> None:
    spec = NotificationChannelSpec(
        type=ChannelType.TELEGRAM,
        credentials_ref=LocalReference(name="desk"),
        quiet_hours=QuietHours(start="22:00", end="07:00", time_zone=BERLIN),
    )
    state = ChannelState()
    night, morning = utc("2026-10-24 23:00"), utc("2026-10-25 06:00")
    assert due_at(spec, state, Priority.P0, night, night) == night
    assert due_at(spec, state, Priority.P1, night, night) == morning
    assert due_at(spec, state, Priority.P2, night, night) == morning
    # Due since before the night and not yet sent, because its channel was paused: it waits too.
    before = utc("2026-10-24 19:00")
    assert due_at(spec, state, Priority.P1, before, night) == morning
    # In the morning it is due, and what came in the night with it.
    assert due_at(spec, state, Priority.P1, before, morning) <= morning
    assert due_at(spec, state, Priority.P2, night, morning) <= morning
    # A group or a digest that would end within the night ends with it.
    late = utc("2026-10-24 19:45")
    assert due_at(spec, state, Priority.P2, late, late) == morning
