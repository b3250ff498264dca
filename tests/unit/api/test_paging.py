"""Cursors and the months that partitions hold."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from btcwatcher_api.signals.cursor import Cursor, decode
from btcwatcher_api.signals.partitions import months, partition_name


def test_a_cursor_comes_back_as_it_was() -> None:
    for newer in (True, False):
        cursor = Cursor(uuid4(), newer)
        assert decode(cursor.encode()) == cursor


@pytest.mark.parametrize("text", ["", "x", "====", "ü", "bQ", "A" * 24, "bgGiBghPBIgCgjFw9xFkvN4x"])
def test_a_made_up_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        decode(text)


def test_the_months_around_the_end_of_a_year() -> None:
    assert [partition_name("signals", month) for month in months(datetime(2026, 12, 31, 23, 59, tzinfo=UTC), 2)] == [
        "signals_2026_11",
        "signals_2026_12",
        "signals_2027_01",
        "signals_2027_02",
    ]
    assert partition_name("signals", months(datetime(2027, 1, 1, tzinfo=UTC), 1)[0]) == "signals_2026_12"
