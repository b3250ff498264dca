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
_AHEAD_MS: Final = 5 * _SECOND_MS
"""A candle that opens so little after now is the running one of an exchange whose clock is ahead of ours."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Until when an answer counts, ms since the epoch."""

    fresh_until: float
    stale_until: float


def lifetime(endpoint: Endpoint, args: Mapping[str, str], body: bytes, now_ms: float, lag_ms: float = 0.0) -> Lifetime:
    """Of an answer that came now. `lag_ms` is how far our clock is behind the exchange's, as far as that is known.

    An answer with the running candle holds until that one closes: what came before it is final. Without it, the
    exchange has not opened it yet, or nothing was traded in it yet: it is asked again a second later.
    """
    fresh_until = now_ms + _FRESH_MS[endpoint.data]
    if endpoint.candles is not None:
        fresh_until = _closing_ms(endpoint.candles, args, body, now_ms + lag_ms, fresh_until + lag_ms) - lag_ms
    return Lifetime(fresh_until, fresh_until + _STALE_MS.get(endpoint.data, 0))


def _closing_ms(candles: Candles, args: Mapping[str, str], body: bytes, now_ms: float, otherwise: float) -> float:
    """When the running candle closes, by the exchange's clock, if it is in the answer."""
    span = candles.span(args)
    opened = newest_ms(candles, body)
    if span is None or opened is None or not opened - _AHEAD_MS <= now_ms < opened + span:
        return otherwise
    return opened + span


def newest_ms(candles: Candles, body: bytes) -> float | None:
    """When the newest candle of an answer opened, ms since the epoch; None without candles. Some exchanges answer with
    the oldest first, others with the newest."""
    try:
        rows = candles.rows(msgspec.json.decode(body))
        newest = max(float(row[candles.opened]) for row in (rows[0], rows[-1]))
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):
        return None
    return newest * candles.opened_unit_ms
