"""What is known of an exchange's endpoints: the kind of data, its weight, and the shape of candles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Weigh = Callable[[Mapping[str, str]], int]
"""The weight of a call with these arguments."""


class Data(StrEnum):
    """What is asked for; freshness.py says how long each is fresh."""

    CANDLES = "candles"
    MARKETS = "markets"
    """What can be traded and by which rules: exchangeInfo, instruments, currencies, tiers."""
    TICKER = "ticker"
    BOOK = "book"
    TRADES = "trades"
    RATES = "rates"
    """Funding rates, open interest and their history."""
    CLOCK = "clock"
    """The exchange's time."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Candles:
    """The shape of a question for candles, and of its answer."""

    interval: str
    """Argument that says how long a candle is."""
    lengths: Mapping[str, int]
    """Its values, ms. Those whose candles do not begin at multiples of their length since the epoch are in
    `unaligned`."""
    bounds: frozenset[str]
    """Arguments that bound the time."""
    rows: Callable[[Any], Sequence[Any]]
    """The candles of a decoded answer; each begins with, or has at `opened`, when it opened."""
    unit_ms: int = 1
    """Of the bounds."""
    opened: int | str = 0
    """Where in a row its opening time is."""
    opened_unit_ms: int = 1
    unaligned: Mapping[str, int] = field(default_factory=dict)

    def length(self, args: Mapping[str, str]) -> int | None:
        """Of the candles asked for, ms; None where bounds cannot be aligned to it."""
        return self.lengths.get(args.get(self.interval, ""))

    def span(self, args: Mapping[str, str]) -> int | None:
        """How long a candle that is asked for lasts at least, ms; None when it is not known."""
        named = args.get(self.interval, "")
        return self.lengths.get(named) or self.unaligned.get(named)


@dataclass(frozen=True, slots=True)
class Endpoint:
    data: Data
    weigh: Weigh | int = 1
    candles: Candles | None = None

    def weight(self, args: Mapping[str, str]) -> int:
        return self.weigh if isinstance(self.weigh, int) else self.weigh(args)


UNKNOWN: Final = Endpoint(Data.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Table:
    """One exchange's endpoints."""

    find: Callable[[str, str], Endpoint]
    """By ccxt's key of the API and the path."""
    failed: Callable[[bytes], bool] = lambda _: False
    """Whether the body of an answer with status 200 is an error."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Weight a minute of an API that has less than the exchange's first one."""
    used_header: str = ""
    """Header of answers with the weight used in this minute, in lower case."""
