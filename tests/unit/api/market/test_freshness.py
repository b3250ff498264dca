import json

import pytest

from btcwatcher_api.market.endpoints import UNKNOWN
from btcwatcher_api.market.freshness import Lifetime, Times, lifetime
from btcwatcher_api.market.tables import table_of

MINUTE = 60_000
NOW = 1_795_400_040_000.0 // MINUTE * MINUTE + 30_000
OPEN = NOW - 30_000
BINANCE = table_of("binance")
KLINES = BINANCE.find("public", "klines")


def candles(*opened: float) -> bytes:
    return json.dumps([[int(at), "1", "1", "1", "1", "1", int(at) + MINUTE - 1] for at in opened]).encode()


def fresh_for(body: bytes, lag: float = 0.0, asked: float = NOW - 50, **args: str) -> float:
    return lifetime(KLINES, {"interval": "1m", **args}, body, Times(asked, NOW, lag)).fresh_until - NOW


def other(path: str) -> Lifetime:
    return lifetime(BINANCE.find("public", path), {}, b"[]", Times(NOW - 50, NOW))


def test_with_the_running_candle_until_it_closes() -> None:
    assert fresh_for(candles(OPEN - MINUTE, OPEN)) == 30_000


def test_the_newest_may_come_first() -> None:
    assert fresh_for(candles(OPEN, OPEN - MINUTE)) == 30_000


def test_without_the_running_candle_a_second() -> None:
    assert fresh_for(candles(OPEN - 2 * MINUTE, OPEN - MINUTE)) == 1000


def test_an_answer_from_before_a_candle_closed_is_for_those_who_asked_before() -> None:
    closed = candles(OPEN - 2 * MINUTE, OPEN - MINUTE)
    assert fresh_for(closed, asked=OPEN - 1) == OPEN - NOW
    assert fresh_for(candles(OPEN - MINUTE, OPEN), asked=OPEN - 1) == 30_000


def test_the_past_does_not_change() -> None:
    long_ago = candles(OPEN - 100 * MINUTE)
    assert fresh_for(long_ago, endTime=str(int(OPEN - 99 * MINUTE))) == 600_000
    assert fresh_for(long_ago, endTime=str(int(OPEN))) == 1000
    assert fresh_for(long_ago, startTime=str(int(OPEN - 100 * MINUTE))) == 1000
    assert fresh_for(b"[]", endTime=str(int(OPEN - 99 * MINUTE))) == 1000
    assert fresh_for(long_ago, endTime="x") == 1000


@pytest.mark.parametrize("body", [b"[]", b"{}", b"", b"[[]]", b'[["x"]]', b"null", b"[7]"])
def test_what_holds_no_candles_a_second(body: bytes) -> None:
    assert fresh_for(body) == 1000


def test_candles_of_an_unknown_length_a_second() -> None:
    assert fresh_for(candles(OPEN), interval="7x") == 1000


def test_a_clock_that_is_behind_does_not_keep_a_candle_past_its_close() -> None:
    assert fresh_for(candles(OPEN - MINUTE, OPEN), lag=4000) == 26_000
    # By the exchange's clock the candle has closed.
    assert fresh_for(candles(OPEN - MINUTE, OPEN), lag=31_000) == 1000


def test_a_candle_from_far_ahead_is_not_believed() -> None:
    assert fresh_for(candles(OPEN + 10 * MINUTE)) == 1000
    assert fresh_for(candles(NOW + 2000)) == MINUTE + 2000


def test_only_markets_may_be_stale() -> None:
    for path in ("klines", "depth", "ticker/24hr", "trades", "time"):
        life = other(path)
        assert life.stale_until == life.fresh_until, path
    life = other("exchangeInfo")
    assert (life.fresh_until - NOW, life.stale_until - NOW) == (300_000, 300_000 + 6 * 3_600_000)


def test_the_rest_a_second_at_most() -> None:
    assert lifetime(UNKNOWN, {}, b"[]", Times(NOW, NOW)).fresh_until - NOW <= 1000
    assert other("depth").fresh_until - NOW <= 1000
    assert other("time").fresh_until == NOW
