"""Cursors and the months that partitions hold."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from btcwatcher_api.signals.cursor import Cursor, WrittenCursor, decode, decode_written
from btcwatcher_api.signals.dedup import first_id_after, first_id_at, signal_id
from btcwatcher_api.signals.rollup import whole_hours
from btcwatcher_api.tables.partitions import months, partition_name
from btcwatcher_api.tables.retention import expired


@pytest.mark.parametrize("newer", [True, False])
@pytest.mark.parametrize("arrival", [None, 0, 1, (1 << 64) - 1])
def test_a_cursor_comes_back_as_it_was(newer: bool, arrival: int | None) -> None:
    cursor = Cursor(uuid4(), newer, arrival)
    assert decode(cursor.encode()) == cursor


@pytest.mark.parametrize("newer", [True, False])
def test_a_cursor_by_time_of_writing_comes_back_to_the_microsecond_and_is_of_no_other_list(newer: bool) -> None:
    cursor = WrittenCursor(uuid4(), newer, datetime(2026, 11, 27, 12, 0, 0, 1, tzinfo=UTC))
    assert decode_written(cursor.encode()) == cursor
    with pytest.raises(ValueError, match="another list"):
        decode(cursor.encode())
    with pytest.raises(ValueError, match="another list"):
        decode_written(Cursor(uuid4(), newer, 7).encode())
    with pytest.raises(ValueError, match="not a cursor"):
        decode_written("bQ")


@pytest.mark.parametrize("text", ["", "x", "====", "ü", "bQ", "A" * 24, "A" * 40, "bgGiBghPBIgCgjFw9xFkvN4x"])
def test_a_made_up_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        decode(text)


def test_a_cursor_that_was_changed_anywhere_is_refused() -> None:
    text = Cursor(uuid4(), newer=True, arrival=7).encode()
    for place, letter in enumerate(text):
        changed = text[:place] + ("B" if letter != "B" else "C") + text[place + 1 :]
        with pytest.raises(ValueError, match=r"is not a cursor|another version"):
            decode(changed)
    for changed in (text[:-1], text + "A", text + "!", text + "\n", " " + text):
        with pytest.raises(ValueError, match="not a cursor"):
            decode(changed)


def test_a_cursor_of_another_version_is_told_apart() -> None:
    body = b"\x02whatever it will hold"
    text = base64.urlsafe_b64encode(body + zlib.crc32(body).to_bytes(4, "big")).decode().rstrip("=")
    with pytest.raises(ValueError, match="another version"):
        decode(text)


def test_the_months_around_the_end_of_a_year() -> None:
    assert [partition_name("signals", month) for month in months(datetime(2026, 12, 31, 23, 59, tzinfo=UTC), 2)] == [
        "signals_2026_11",
        "signals_2026_12",
        "signals_2027_01",
        "signals_2027_02",
    ]
    assert partition_name("signals", months(datetime(2027, 1, 1, tzinfo=UTC), 1)[0]) == "signals_2026_12"


def test_a_month_is_old_once_all_of_it_is() -> None:
    names = ["signals_2026_02", "signals_2026_03", "signals_2026_04", "signals_default", "signals_2026_13", "x_2026_01"]
    kept = timedelta(days=40)
    # 31 March is over on 1 April; 40 days and a day of margin later it is 12 May.
    assert expired(names, "signals", kept, datetime(2026, 5, 11, 23, tzinfo=UTC)) == ["signals_2026_02"]
    assert expired(names, "signals", kept, datetime(2026, 5, 12, tzinfo=UTC)) == ["signals_2026_02", "signals_2026_03"]


def test_what_is_made_ahead_is_never_old_at_once() -> None:
    """The month before this one is made for late arrivals: with the shortest retention it must not be dropped again."""
    for day in range(1, 32):
        now = datetime(2026, 12, day, tzinfo=UTC)
        names = [partition_name("signals", month) for month in months(now, 0)]
        assert expired(names, "signals", timedelta(days=35), now) == []


def test_whole_hours() -> None:
    def at(hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 11, 22, hour, minute, tzinfo=UTC)

    assert whole_hours(at(3), at(5)) == (at(3), at(5))
    assert whole_hours(at(3, 1), at(5, 59)) == (at(4), at(5))
    assert whole_hours(at(3, 1), at(4)) is None
    assert whole_hours(at(3, 1), at(3, 59)) is None
    latest = datetime.max.replace(tzinfo=UTC)
    assert whole_hours(latest - timedelta(minutes=5), latest) is None


def test_the_latest_time_is_a_bound_like_any_other() -> None:
    latest = datetime.max.replace(tzinfo=UTC)
    assert signal_id(latest, b"\xff" * 16) < first_id_after(latest)
    assert first_id_after(latest - timedelta(milliseconds=1)) <= first_id_at(latest)
