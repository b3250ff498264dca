"""What is asked of an exchange, in the one form that all share who ask the same."""

from dataclasses import dataclass
from typing import Final

from btcwatcher_api.market.endpoints import Candles

Args = tuple[tuple[str, str], ...]
"""Names and values as they stand in a query, still percent-encoded."""

_WEEK_MS: Final = 7 * 86_400_000
_WEEK_OFFSET_MS: Final = 4 * 86_400_000
"""The epoch was a Thursday; weeks open on Mondays."""


@dataclass(frozen=True, slots=True)
class Question:
    """A public GET: the key of what is kept, and what is asked upstream."""

    exchange: str
    api: str
    path: str
    """Below the upstream's base URL, without a slash before it; percent-encoded."""
    args: Args

    @property
    def query(self) -> str:
        return "&".join(f"{name}={value}" if value or name else name for name, value in self.args)


def split_query(query: str) -> Args:
    """The arguments in the order in which they stand."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return tuple((name, value) for name, _, value in pairs)


def normalised(args: Args, candles: Candles | None) -> Args:
    """The form that is shared: sorted by name, bounds of candles moved within the candle that they lie in."""
    if candles is not None:
        length = candles.length(dict(args))
        if length is not None:
            args = tuple((name, _aligned(name, value, candles, length)) for name, value in args)
    return tuple(sorted(args, key=lambda pair: pair[0]))


def _aligned(name: str, value: str, candles: Candles, length_ms: int) -> str:
    # isdecimal alone would let digits of other scripts through.
    if name not in candles.bounds or not (value.isascii() and value.isdecimal()):
        return value
    return str(align(int(value), length_ms, candles.unit_ms))


def align(bound: int, length_ms: int, unit_ms: int) -> int:
    """A bound of candles, in units of `unit_ms`, that gives the same candles and that all share who ask within one.

    Exchanges differ in whether a bound is inclusive, and some count from a candle's last unit, not its first. So
    whatever lies on an edge, or one unit before the next, stays; and what lies between becomes the unit after the
    edge: no candle begins or ends between the two, so no exchange can tell them apart.
    """
    length, offset = length_ms // unit_ms, _WEEK_OFFSET_MS // unit_ms if length_ms == _WEEK_MS else 0
    if length < 4:
        return bound
    past = (bound - offset) % length
    return bound if past in (0, 1, length - 1) else bound - past + 1
