import pytest

from btcwatcher_api.market.questions import align, normalised, split_query
from btcwatcher_api.market.tables import table_of

HOUR = 3_600_000
AT = 1_795_400_000_000 // HOUR * HOUR


@pytest.mark.parametrize(
    ("bound", "shared"),
    [
        (AT, AT),
        (AT + 1, AT + 1),
        (AT + 2, AT + 1),
        (AT + HOUR // 2, AT + 1),
        (AT + HOUR - 2, AT + 1),
        (AT + HOUR - 1, AT + HOUR - 1),
        (AT + HOUR, AT + HOUR),
    ],
)
def test_a_bound_moves_within_its_candle_only(bound: int, shared: int) -> None:
    assert align(bound, HOUR) == shared


def test_no_exchange_can_tell_the_shared_bound_from_the_one_asked_for() -> None:
    """Whether it counts from a candle's first or last millisecond, and whether the bound is inclusive."""
    edges = range(AT - 2 * HOUR, AT + 3 * HOUR, HOUR)
    ends = [edge - 1 for edge in edges]
    for bound in (*range(AT - 3, AT + HOUR + 3, 7919), *range(AT - 3, AT + 4)):
        shared = align(bound, HOUR)
        for moments in (edges, ends):
            assert [at >= bound for at in moments] == [at >= shared for at in moments]
            assert [at > bound for at in moments] == [at > shared for at in moments]


def test_seconds() -> None:
    assert align(AT // 1000 + 100, HOUR // 1000) == AT // 1000 + 1


def test_the_form_that_is_shared() -> None:
    candles = table_of("binance").find("public", "klines").candles
    asked = split_query(f"symbol=BTCUSDT&interval=1h&startTime={AT + 5}&limit=1000")
    assert normalised(asked, candles) == (
        ("interval", "1h"),
        ("limit", "1000"),
        ("startTime", str(AT + 1)),
        ("symbol", "BTCUSDT"),
    )


@pytest.mark.parametrize("value", ["", "x", "-5", "٣", "1.5"])
def test_what_is_no_number_stays(value: str) -> None:
    candles = table_of("binance").find("public", "klines").candles
    assert dict(normalised((("interval", "1h"), ("startTime", value)), candles))["startTime"] == value


def test_months_begin_on_some_full_hour() -> None:
    candles = table_of("binance").find("public", "klines").candles
    asked = split_query(f"interval=1M&startTime={AT + 5}")
    assert dict(normalised(asked, candles))["startTime"] == str(AT + 1)


def test_candles_of_an_unknown_length_stay() -> None:
    candles = table_of("binance").find("public", "klines").candles
    asked = split_query(f"interval=7x&startTime={AT + 5}")
    assert normalised(asked, candles) == asked
