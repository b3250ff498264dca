"""Candles as Binance's klines give them, computed from the price function."""

from dataclasses import dataclass
from functools import lru_cache

from btcwatcher_local.exchange.markets import MARKETS, Market
from btcwatcher_local.exchange.prices import TICK_MS, price, tick_of, volume

MINUTE_MS = 60_000
DAY_MS = 86_400_000
INTERVALS: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
"""Length of each interval in ms."""
LISTED_MS = 1_502_928_000_000
"""The first candle of every market opens here (2017-08-17, as on Binance), ms since the epoch."""
MAX_LIMIT = 1000
DEFAULT_LIMIT = 500
# The epoch was a Thursday, weeks open on Mondays.
_WEEK_OFFSET_MS = 4 * DAY_MS
# Up to 5m every tick counts, so a 5m candle is exactly its five 1m candles; longer ones look at this many ticks.
_MAX_TICKS_LOOKED_AT = 60


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle: prices in quote, `volume` in base, times in ms since the epoch (close is inclusive)."""

    open_ms: int
    close_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int


def opens_at(interval: str, at_ms: int) -> int:
    """When the candle that holds this time opened, ms since the epoch."""
    length = INTERVALS[interval]
    offset = _WEEK_OFFSET_MS if interval == "1w" else 0
    return (at_ms - offset) // length * length + offset


def candle(market: Market, interval: str, open_ms: int, now_ms: int) -> Candle:
    """The candle that opened at `open_ms`, as far as it has got by `now_ms`."""
    return _ticks_to_candle(market, open_ms, open_ms + INTERVALS[interval] - 1, now_ms)


def window(interval: str, now_ms: int, start_ms: int | None, end_ms: int | None, limit: int) -> range:
    """The opening times that Binance would answer with: from `start_ms` upwards, or, without it, the last ones."""
    length = INTERVALS[interval]
    last = opens_at(interval, now_ms if end_ms is None else min(end_ms, now_ms))
    if start_ms is None:
        first = max(last - (limit - 1) * length, opens_at(interval, LISTED_MS + length - 1))
    else:
        first = opens_at(interval, max(start_ms, LISTED_MS) + length - 1)
        last = min(last, first + (limit - 1) * length)
    return range(first, last + 1, length)


def kline_row(market: Market, interval: str, open_ms: int, now_ms: int) -> str:
    """The candle as JSON text in Binance's twelve columns. Finished candles are remembered."""
    if open_ms + INTERVALS[interval] <= now_ms:
        return _finished_row(market.symbol, interval, open_ms)
    return _row(market, candle(market, interval, open_ms, now_ms))


def rolling_day(market: Market, now_ms: int) -> Candle:
    """The last 24 hours as one candle."""
    return _ticks_to_candle(market, now_ms - DAY_MS + 1, now_ms, now_ms)


@lru_cache(maxsize=100_000)
def _finished_row(symbol: str, interval: str, open_ms: int) -> str:
    market = MARKETS[symbol]
    return _row(market, candle(market, interval, open_ms, open_ms + INTERVALS[interval]))


def _row(market: Market, of: Candle) -> str:
    money = f".{market.price_decimals}f"
    amount = f".{market.amount_decimals}f"
    return (
        f'[{of.open_ms},"{of.open:{money}}","{of.high:{money}}","{of.low:{money}}","{of.close:{money}}",'
        f'"{of.volume:{amount}}",{of.close_ms},"{of.quote_volume:.8f}",{of.trades},'
        f'"{of.volume / 2:{amount}}","{of.quote_volume / 2:.8f}","0"]'
    )


def _ticks_to_candle(market: Market, open_ms: int, close_ms: int, now_ms: int) -> Candle:
    first = tick_of(open_ms)
    last = max(first, min(tick_of(close_ms), tick_of(now_ms)))
    stride = max(1, (close_ms + 1 - open_ms) // TICK_MS // _MAX_TICKS_LOOKED_AT)
    looked_at = range(first, last + 1, stride)
    prices = [price(market, tick) for tick in looked_at]
    volumes = [volume(market, tick) * stride for tick in looked_at]
    closing = price(market, last)
    return Candle(
        open_ms=open_ms,
        close_ms=close_ms,
        open=prices[0],
        high=max(*prices, closing),
        low=min(*prices, closing),
        close=closing,
        volume=sum(volumes),
        quote_volume=sum(amount * rate for amount, rate in zip(volumes, prices, strict=True)),
        trades=last - first + 1,
    )
