import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from btcwatcher_local.exchange.candles import (
    INTERVALS,
    LISTED_MS,
    MINUTE_MS,
    candle,
    kline_row,
    opens_at,
    rolling_day,
    window,
)
from btcwatcher_local.exchange.markets import MARKETS
from btcwatcher_local.exchange.prices import price, tick_of

BTC = MARKETS["BTCUSDT"]
NOW_MS = 1_795_400_012_345


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_candles_open_on_their_boundaries() -> None:
    at = ms("2026-11-24T10:17:42")
    assert opens_at("5m", at) == ms("2026-11-24T10:15:00")
    assert opens_at("1d", at) == ms("2026-11-24T00:00:00")
    assert opens_at("1w", at) == ms("2026-11-23T00:00:00"), "weeks open on Mondays"


def test_finished_candle_never_changes() -> None:
    open_ms = opens_at("1m", NOW_MS) - MINUTE_MS
    assert candle(BTC, "1m", open_ms, NOW_MS) == candle(BTC, "1m", open_ms, NOW_MS + 86_400_000)
    assert kline_row(BTC, "1m", open_ms, NOW_MS) == kline_row(BTC, "1m", open_ms, NOW_MS + 86_400_000)


def test_open_candle_ends_at_the_price_of_now() -> None:
    now = candle(BTC, "1m", opens_at("1m", NOW_MS), NOW_MS)
    assert now.close == price(BTC, tick_of(NOW_MS))
    later = candle(BTC, "1m", opens_at("1m", NOW_MS), NOW_MS + 20_000)
    assert later.open == now.open
    assert later.high >= now.high
    assert later.low <= now.low
    assert later.volume > now.volume


def test_five_minutes_are_their_five_minutes() -> None:
    open_ms = opens_at("5m", NOW_MS) - 300_000
    five = candle(BTC, "5m", open_ms, NOW_MS)
    ones = [candle(BTC, "1m", open_ms + number * MINUTE_MS, NOW_MS) for number in range(5)]
    assert (five.open, five.close) == (ones[0].open, ones[-1].close)
    assert five.high == max(one.high for one in ones)
    assert five.low == min(one.low for one in ones)
    assert five.volume == pytest.approx(sum(one.volume for one in ones))


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_is_consistent(interval: str) -> None:
    opened = opens_at(interval, NOW_MS) - INTERVALS[interval]
    one = candle(BTC, interval, opened, NOW_MS)
    assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
    assert one.close_ms == opened + INTERVALS[interval] - 1
    row = json.loads(kline_row(BTC, interval, opened, NOW_MS))
    assert len(row) == 12
    assert (row[0], row[6]) == (opened, one.close_ms)


def test_window_without_start_is_the_last_candles_with_the_open_one() -> None:
    opens = window("1m", NOW_MS, None, None, 500)
    assert len(opens) == 500
    assert opens[-1] == opens_at("1m", NOW_MS)


def test_window_from_start_goes_upwards_and_stops_at_the_limit() -> None:
    start = ms("2026-11-01T00:00:30")
    opens = window("1m", NOW_MS, start, None, 3)
    assert list(opens) == [ms("2026-11-01T00:01:00") + number * MINUTE_MS for number in range(3)]


def test_window_with_an_end_is_inclusive() -> None:
    end = ms("2026-11-01T00:05:00")
    assert list(window("1m", NOW_MS, None, end, 2)) == [end - MINUTE_MS, end]
    assert list(window("1m", NOW_MS, end - MINUTE_MS, end, 500)) == [end - MINUTE_MS, end]
    assert list(window("1m", NOW_MS, end, end - MINUTE_MS, 500)) == []


def test_window_knows_neither_future_nor_the_time_before_listing() -> None:
    assert list(window("1m", NOW_MS, NOW_MS + 60_000, None, 5)) == []
    assert window("1d", NOW_MS, 0, None, 5)[0] == LISTED_MS
    assert len(window("1w", NOW_MS, None, None, 1000)) < 1000


def test_rolling_day_is_24_hours_to_now() -> None:
    day = rolling_day(BTC, NOW_MS)
    assert day.close_ms - day.open_ms == 86_400_000 - 1
    assert day.close == price(BTC, tick_of(NOW_MS))


def test_prices_within_a_candle_have_no_gap_wider_than_a_tick_of_the_clock() -> None:
    opens = window("1m", NOW_MS, None, None, 60)
    rows = [candle(BTC, "1m", open_ms, NOW_MS) for open_ms in opens]
    assert all(abs(after.open / before.close - 1) < 0.005 for before, after in pairwise(rows))
