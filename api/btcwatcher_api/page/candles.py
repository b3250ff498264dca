"""A pair's candles for a chart, through the collector, which may ask the bots for what they have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from btcwatcher_api.problems import Problem
from btcwatcher_crds.names import strategy_id
from btcwatcher_crds.strategy import State

_SECONDS: Final = 8.0
_TRIES: Final = 3
_LIMIT: Final = 500
_COLLECTOR_SETTING: Final = "BTCWATCHER_COLLECTOR_URL"


class Candle(msgspec.Struct, frozen=True, array_like=True):
    """One candle; `time` is its begin, Unix seconds."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Source:
    """A Strategy whose bot can have a pair's candles."""

    id: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Market:
    """A pair of an exchange, and who trades it, by timeframe."""

    exchange: str
    pair: str
    strategies: Mapping[str, list[Source]]

    @property
    def timeframes(self) -> list[str]:
        """The shortest first."""
        return sorted(self.strategies, key=seconds)


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_592_000}


def seconds(timeframe: str) -> int:
    """How long a candle is; 0 for what is no timeframe."""
    number, unit = timeframe[:-1], timeframe[-1:]
    return int(number) * _UNITS[unit] if number.isdigit() and unit in _UNITS else 0


def markets(items: Iterable[Mapping[str, Any]]) -> list[Market]:
    """All pairs that Strategies name, by exchange and pair; whose bot is ready comes first as a source."""
    found: dict[tuple[str, str], dict[str, list[Source]]] = {}
    for item in items:
        spec, metadata = item.get("spec") or {}, item["metadata"]
        exchange = spec.get("exchange") or {}
        conditions = (item.get("status") or {}).get("conditions") or ()
        ready = spec.get("state") != State.SUSPENDED and any(
            one.get("type") == "Ready" and one.get("status") == "True" for one in conditions
        )
        for pair in exchange.get("pairs") or ():
            by_timeframe = found.setdefault((exchange.get("name", ""), pair), {})
            source = Source(strategy_id(metadata["namespace"], metadata["name"]), ready)
            by_timeframe.setdefault(spec.get("timeframe", ""), []).append(source)
    return [
        Market(
            exchange,
            pair,
            {frame: sorted(sources, key=lambda one: (not one.ready, one.id)) for frame, sources in frames.items()},
        )
        for (exchange, pair), frames in sorted(found.items())
    ]


class Candles:
    """Asks the collector at `url`; "" where none is configured."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def of(self, market: Market, timeframe: str) -> list[Candle]:
        """Raises Problem 503 that says why there are none, and what to do."""
        if not self._url:
            raise Problem(503, f"charts need the collector: set {_COLLECTOR_SETTING} to where it is")
        sources = [one for one in market.strategies.get(timeframe, ()) if one.ready]
        if not sources:
            raise Problem(503, "no bot that trades this pair runs now: candles are the bots' own")
        said = ""
        for source in sources[:_TRIES]:
            try:
                return await self._ask(source.id, market.pair, timeframe)
            except (httpx.HTTPError, msgspec.MsgspecError, ValueError) as error:
                said = f"{source.id}: {error}" if str(error) else f"{source.id}: {type(error).__name__}"
        raise Problem(503, f"no bot gives its candles now ({said})")

    async def _ask(self, identifier: str, pair: str, timeframe: str) -> list[Candle]:
        if self._http is None:
            # A collector inside the cluster: no proxy of the environment leads there.
            self._http = httpx.AsyncClient(timeout=_SECONDS, trust_env=False)
        asked = {"strategy": identifier, "pair": pair, "timeframe": timeframe, "limit": str(_LIMIT)}
        answer = await self._http.get(f"{self._url}/candles", params=asked)
        if answer.status_code != 200:
            raise ValueError(str(answer.json().get("detail", answer.status_code)))
        return msgspec.json.decode(answer.content, type=list[Candle])
