"""The price of a coin as a pure function of its name and the time.

A price moves in ticks of five seconds and never depends on what was asked before, so any two processes agree and
history never changes. The fast wave (a cycle of nine to twelve minutes, one and a half percent each way) is what
makes an ordinary strategy on one-minute candles enter and leave within a minute or two; the slow ones give charts
and longer timeframes something to show. All amplitudes are relative to the coin's usual price and bounded.
"""

import math
from functools import cache
from zlib import crc32

from btcwatcher_local.exchange.markets import MARKETS, Market

TICK_MS = 5_000
_TICK_SECONDS = TICK_MS // 1000
# (shortest period in seconds, spread of the period over coins, amplitude as natural logarithm of the price)
_WAVES = (
    (540, 180, 0.016),
    (2_100, 1_200, 0.016),
    (18_000, 10_800, 0.025),
    (72_000, 36_000, 0.03),
    (800_000, 400_000, 0.06),
    (7_000_000, 3_400_000, 0.12),
)
_NOISE = 0.0006
_MASK = (1 << 64) - 1


def tick_of(at_ms: int) -> int:
    """The number of the tick that holds at this time (ms since the epoch)."""
    return at_ms // TICK_MS


def price(market: Market, tick: int) -> float:
    """The market's price during a tick, in quote, rounded to its tick size."""
    level = _level(market.base, tick)
    if market.quote != "USDT":
        level -= _level(market.quote, tick)
    return round(market.reference_price * math.exp(level), market.price_decimals)


def volume(market: Market, tick: int) -> float:
    """What changed hands during a tick, in base."""
    turnover_usdt = 40_000.0 * (0.25 + unit(_seed(market.symbol), tick))
    return round(turnover_usdt / MARKETS[market.base + "USDT"].reference_price, market.amount_decimals)


def unit(seed: int, number: int) -> float:
    """A number in [0, 1) that looks random and is always the same for the same arguments (splitmix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / float(1 << 53)


def _level(coin: str, tick: int) -> float:
    """Natural logarithm of price over usual price."""
    seconds = tick * _TICK_SECONDS
    level = (unit(_seed(coin), tick) - 0.5) * 2 * _NOISE
    for omega, phase, amplitude in _waves_of(coin):
        level += amplitude * math.sin(omega * seconds + phase)
    return level


@cache
def _seed(name: str) -> int:
    return crc32(name.encode())


@cache
def _waves_of(coin: str) -> tuple[tuple[float, float, float], ...]:
    """(angular speed per second, phase, amplitude) of each wave."""
    seed = _seed(coin)
    return tuple(
        (
            2 * math.pi / (shortest + spread * unit(seed, -1 - 2 * number)),
            2 * math.pi * unit(seed, -2 - 2 * number),
            amplitude,
        )
        for number, (shortest, spread, amplitude) in enumerate(_WAVES)
    )
