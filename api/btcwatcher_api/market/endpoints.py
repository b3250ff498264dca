"""What is known of an exchange's endpoints: the kind of data, its weight, the shape of candles, what a failure is."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec

Weigh = Callable[[Mapping[str, str]], int]
"""The weight of a call with these arguments."""
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


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


class Verdict(StrEnum):
    """What an answer is, whatever its status says."""

    GOOD = "good"
    FAILED = "failed"
    """An error, which is never kept."""
    LIMITED = "limited"
    """Too much was asked: the same as status 429."""


@dataclass(frozen=True, slots=True)
class Candles:
    """The shape of a question for candles, and of its answer."""

    interval: str
    """Argument that says how long a candle is."""
    lengths: Mapping[str, int]
    """Its values, ms; of a month, its least."""
    since: frozenset[str]
    """Arguments that bound the time from below."""
    until: frozenset[str]
    """And from above."""
    rows: Callable[[Any], Sequence[Any]]
    """The candles of a decoded answer, in the order of time, up or down."""
    bound_unit_ms: int = 1
    opened: int | str = 0
    """Where in a row its opening time is."""
    opened_unit_ms: int = 1

    def span(self, args: Mapping[str, str]) -> int | None:
        """How long a candle that is asked for lasts at least, ms; None when it is not known."""
        return self.lengths.get(args.get(self.interval, ""))

    def grid(self, args: Mapping[str, str]) -> int | None:
        """Candles asked for begin at multiples of this, ms since the epoch; None when it is not known. Days and weeks
        begin by the exchange's own time zone, but on full hours."""
        span = self.span(args)
        return None if span is None else min(span, HOUR_MS)

    def bounds(self, name: str) -> bool:
        return name in self.since or name in self.until


@dataclass(frozen=True, slots=True)
class Endpoint:
    data: Data
    weigh: Weigh | int = 1
    candles: Candles | None = None

    def weight(self, args: Mapping[str, str]) -> int:
        return self.weigh if isinstance(self.weigh, int) else self.weigh(args)


UNKNOWN: Final = Endpoint(Data.UNKNOWN)
MARKETS: Final = Endpoint(Data.MARKETS)
TICKER: Final = Endpoint(Data.TICKER)
BOOK: Final = Endpoint(Data.BOOK)
TRADES: Final = Endpoint(Data.TRADES)
RATES: Final = Endpoint(Data.RATES)
CLOCK: Final = Endpoint(Data.CLOCK)


def candles(shape: Candles) -> Endpoint:
    return Endpoint(Data.CANDLES, 1, shape)


@dataclass(frozen=True, slots=True)
class Table:
    """One exchange's endpoints."""

    find: Callable[[str, str], Endpoint]
    """By ccxt's key of the API and the path."""
    judge: Callable[[int, bytes], Verdict] = lambda status, _: Verdict.GOOD if status == 200 else Verdict.FAILED
    """Of a status and a body."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Weight a minute of an API that has less than the exchange's first one."""
    used_header: str = ""
    """Header of answers with the weight used in this minute, in lower case."""


def by_path(rules: Mapping[str, Endpoint]) -> Callable[[str, str], Endpoint]:
    """The endpoint of the first rule whose expression is the whole path, whichever the API."""
    compiled = [(re.compile(expression), endpoint) for expression, endpoint in rules.items()]

    @lru_cache(maxsize=1024)
    def find(_: str, path: str) -> Endpoint:
        return next((endpoint for expression, endpoint in compiled if expression.fullmatch(path)), UNKNOWN)

    return find


def by_status(limited: Callable[[bytes], bool | None]) -> Callable[[int, bytes], Verdict]:
    """Of an exchange that says errors in bodies of status 200, too. `limited` says of a body: None, it is good; True,
    too much was asked; False, another error."""

    def judge(status: int, body: bytes) -> Verdict:
        said = limited(body)
        if said:
            return Verdict.LIMITED
        return Verdict.GOOD if status == 200 and said is None else Verdict.FAILED

    return judge


def by_code(name: str, good: str | int, limited: Collection[str | int]) -> Callable[[int, bytes], Verdict]:
    """Of an exchange whose bodies have a code under `name`: `good`, or one of `limited` where too much was asked."""
    # Of the type that the code has: one of another type is no answer of this exchange.
    envelope = msgspec.defstruct("Envelope", [(name, type(good))])

    def said(body: bytes) -> bool | None:
        try:
            code = getattr(msgspec.json.decode(body, type=envelope), name)
        except msgspec.MsgspecError:
            return False
        return None if code == good else code in limited

    return by_status(said)
