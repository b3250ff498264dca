"""How many bots may ask an exchange: it limits by source address, and blocks the address that asks too much."""

from collections import Counter
from collections.abc import Iterable, Mapping

from btcwatcher_crds.fleet_capacity import ExchangeBudget
from btcwatcher_operator.capacity.observed import Wanted


def budgets(wanted: Iterable[Wanted], per_address: Mapping[str, int]) -> list[ExchangeBudget]:
    """By name, of each exchange with one. A bot asks through its first Proxy, else from the cluster's own address."""
    bots = Counter((one.exchange, one.proxy) for one in wanted)
    found = []
    for exchange, budget in sorted(per_address.items()):
        loads = {address: count for (name, address), count in bots.items() if name == exchange}
        loads.setdefault(None, 0)
        found.append(
            ExchangeBudget(
                name=exchange,
                budget_per_address=budget,
                addresses=len(loads),
                used=sum(loads.values()),
                free=sum(max(0, budget - count) for count in loads.values()),
                over=sum(max(0, count - budget) for count in loads.values()),
            )
        )
    return found
