"""How long an answer is fresh, by what was asked, what was answered, and the clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from btcwatcher_api.market.endpoints import Candles, Data, Endpoint

_SECOND_MS: Final = 1000
_FRESH_MS: Final[Mapping[Data, int]] = {
    Data.CANDLES: _SECOND_MS,
    Data.MARKETS: 300 * _SECOND_MS,
    Data.TICKER: 2 * _SECOND_MS,
    Data.BOOK: _SECOND_MS // 2,
    Data.TRADES: _SECOND_MS,
    Data.RATES: 5 * _SECOND_MS,
    Data.CLOCK: 0,
    Data.UNKNOWN: _SECOND_MS,
}
"""Of candles: what holds while the running one is not in the answer."""
_STALE_MS: Final[Mapping[Data, int]] = {Data.MARKETS: 6 * 3600 * _SECOND_MS}
"""How much longer an answer may be given while the exchange gives none."""
_PAST_MS: Final = 600 * _SECOND_MS
"""Of candles that were asked for up to a time that is over."""
_SETTLED_MS: Final = 60 * _SECOND_MS
"""What an exchange may take to have a candle in its history."""
_AHEAD_MS: Final = 5 * _SECOND_MS
"""A candle that opens so little after now is the running one of an exchange whose clock is ahead of ours."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Until when an answer counts, ms since the epoch."""

    fresh_until: float
    stale_until: float


@dataclass(frozen=True, slots=True)
class Times:
    """Of a call, ms since the epoch."""

    asked: float
    came: float
    """When the answer began to come."""
    lag: float = 0.0
    """How far our clock is behind the exchange's, as far as that is known."""


def lifetime(endpoint: Endpoint, args: Mapping[str, str], body: bytes, times: Times) -> Lifetime:
    """Of a good answer.

    One with the running candle holds until that one closes: what came before it is final. Without it, the exchange has
    not opened it yet, or nothing was traded in it yet: it is asked again a second later; unless it was asked for the
    past alone, which does not change.
    """
    if endpoint.candles is not None:
        fresh_until = _candles_until(endpoint.candles, args, body, times)
    else:
        fresh_until = times.came + _FRESH_MS[endpoint.data]
    return Lifetime(fresh_until, fresh_until + _STALE_MS.get(endpoint.data, 0))


def _candles_until(candles: Candles, args: Mapping[str, str], body: bytes, times: Times) -> float:
    soon = times.came + _FRESH_MS[Data.CANDLES]
    span, grid, opened = candles.span(args), candles.grid(args), newest_ms(candles, body)
    if span is None or grid is None or opened is None:
        return soon
    now = times.came + times.lag
    if opened - _AHEAD_MS <= now < opened + span:
        return opened + span - times.lag
    until = [int(value) * candles.bound_unit_ms for name, value in args.items() if _bounds(candles, name, value)]
    if until and max(until) < now - max(span, _SETTLED_MS):
        return times.came + _PAST_MS
    # A candle may have closed under way: then this answer may be from before, and who came after must not get it.
    edge = now // grid * grid
    return edge - times.lag if times.asked + times.lag < edge else soon


def _bounds(candles: Candles, name: str, value: str) -> bool:
    return name in candles.until and value.isascii() and value.isdecimal()


def newest_ms(candles: Candles, body: bytes) -> float | None:
    """When the newest candle of an answer opened, ms since the epoch; None without candles. Some exchanges answer with
    the oldest first, others with the newest."""
    try:
        rows = candles.rows(msgspec.json.decode(body))
        newest = max(float(row[candles.opened]) for row in (rows[0], rows[-1]))
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):
        return None
    return newest * candles.opened_unit_ms
