"""How many bots may ask an exchange: it limits by source address, and blocks the address that asks too much."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from btcwatcher_crds.fleet_capacity import ExchangeBudget
from btcwatcher_operator.capacity.observed import Wanted

_MINUTES: Final = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440, "w": 10_080, "M": 43_200, "y": 525_600}
_MOST: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class CacheBudget:
    """Of an exchange whose market data is downloaded once for all bots."""

    weight_per_minute: int
    candle_weight: int


def budgets(
    wanted: Sequence[Wanted], per_address: Mapping[str, int], cached: Mapping[str, CacheBudget]
) -> list[ExchangeBudget]:
    """By name, of each exchange with one. What an Exchange says goes before the setting."""
    return [
        _of_the_cache(exchange, cached[exchange], [one for one in wanted if one.exchange == exchange])
        if exchange in cached
        else _of_addresses(exchange, per_address[exchange], wanted)
        for exchange in sorted({*per_address, *cached})
    ]


def _of_addresses(exchange: str, budget: int, wanted: Iterable[Wanted]) -> ExchangeBudget:
    """A bot asks through its first Proxy, else from the cluster's own address."""
    loads = Counter(one.proxy for one in wanted if one.exchange == exchange)
    loads.setdefault(None, 0)
    return ExchangeBudget(
        name=exchange,
        budget_per_address=budget,
        addresses=len(loads),
        used=sum(loads.values()),
        free=sum(max(0, budget - count) for count in loads.values()),
        over=sum(max(0, count - budget) for count in loads.values()),
    )


def _of_the_cache(exchange: str, budget: CacheBudget, bots: Sequence[Wanted]) -> ExchangeBudget:
    """Distinct questions count, not bots. A further bot is taken for one with as many pairs as the one that has most,
    none of which anybody asks for yet: with the pairs of another it would take nothing."""
    questions = {(pair, one.timeframe) for one in bots for pair in one.pairs}
    asked = sum(_weight(timeframe, budget) for _, timeframe in questions)
    heaviest = max((len(one.pairs) * _weight(one.timeframe, budget) for one in bots), default=0)
    heaviest = heaviest or budget.candle_weight
    left = budget.weight_per_minute - asked
    free = min(_MOST - len(bots), max(0, math.floor(left / heaviest)))
    return ExchangeBudget(
        name=exchange,
        budget_per_address=len(bots) + free,
        addresses=1,
        used=len(bots),
        free=free,
        over=min(len(bots), max(0, math.ceil(-left / heaviest))),
        weight_per_minute=budget.weight_per_minute,
        weight_asked=math.ceil(asked),
    )


def _weight(timeframe: str, budget: CacheBudget) -> float:
    """In a minute, of one pair: it is asked for once a candle."""
    count, unit = timeframe[:-1], timeframe[-1:]
    minutes = int(count) * _MINUTES.get(unit, 1) if count.isdecimal() else 1
    return budget.candle_weight / max(minutes, 1 / 60)
