"""Ordinary candles for any pair and timeframe, so that a strategy can be tried without an exchange."""

import math
from collections.abc import Sequence

_WAVES = ((7, 0.01), (31, 0.02), (173, 0.05))


def candles(count: int, last_open_ms: int, step_ms: int) -> list[Sequence[float]]:
    """`count` candles, each [open time in ms, open, high, low, close, volume], the last at `last_open_ms`.

    Prices go up and down around 100 in cycles of a few to a few hundred candles.
    """
    rows: list[Sequence[float]] = []
    first_open_ms = last_open_ms - (count - 1) * step_ms
    before = _price(-1)
    for number in range(count):
        close = _price(number)
        high, low = max(before, close) * 1.001, min(before, close) * 0.999
        rows.append((first_open_ms + number * step_ms, before, high, low, close, 1000.0 + 500.0 * math.sin(number)))
        before = close
    return rows


def _price(number: int) -> float:
    return 100.0 * math.exp(
        sum(size * math.sin(2 * math.pi * number / period) for period, size in _WAVES)
        + 0.001 * math.sin(12.9898 * number)
    )
