"""What is asked of an exchange, in the one form that all share who ask the same."""

from dataclasses import dataclass
from typing import Final

from btcwatcher_api.market.endpoints import Candles

Args = tuple[tuple[str, str], ...]
"""Names and values as they stand in a query, still percent-encoded."""

TOLD_HEADERS: Final = frozenset(("x-gate-size-decimal", "x-simulated-trading"))
"""Headers that change an answer: part of the question."""


@dataclass(frozen=True, slots=True)
class Question:
    """A public GET: the key of what is kept, and what is asked upstream."""

    exchange: str
    api: str
    path: str
    """Below the upstream's base URL, without a slash before it; percent-encoded."""
    args: Args
    headers: Args = ()
    """Those of TOLD_HEADERS that were sent, in lower case."""

    @property
    def query(self) -> str:
        return "&".join(f"{name}={value}" if value or name else name for name, value in self.args)


def split_query(query: str) -> Args:
    """The arguments in the order in which they stand."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return tuple((name, value) for name, _, value in pairs)


def normalised(args: Args, candles: Candles | None) -> Args:
    """The form that is shared: sorted by name, bounds of candles moved within the candle that they lie in."""
    grid = None if candles is None else candles.grid(dict(args))
    if candles is not None and grid is not None:
        args = tuple((name, _aligned(name, value, candles, grid)) for name, value in args)
    return tuple(sorted(args, key=lambda pair: pair[0]))


def _aligned(name: str, value: str, candles: Candles, grid_ms: int) -> str:
    # isdecimal alone would let digits of other scripts through.
    if not candles.bounds(name) or not (value.isascii() and value.isdecimal()):
        return value
    return str(align(int(value), grid_ms // candles.bound_unit_ms))


def align(bound: int, grid: int) -> int:
    """A bound of candles that gives the same candles, and that all share who ask within one. All candles begin at
    multiples of `grid`.

    Exchanges differ in whether a bound is inclusive, and some count from a candle's last unit, not its first. So
    whatever lies on an edge, or one unit before the next, stays; and what lies between becomes the unit after the
    edge: no candle begins or ends between the two, so no exchange can tell them apart.
    """
    if grid < 4:
        return bound
    past = bound % grid
    return bound if past in (0, 1, grid - 1) else bound - past + 1
