"""What to buy: for each node type of the catalogue, how many of them what waits and what is expected would need."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import accumulate
from operator import ge, sub
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from btcwatcher_crds.fleet_capacity import Advice
from btcwatcher_crds.pod_requests import Requests, amounts

QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"
_MOST_ADVICE = 50
_Bought = tuple[int, int, int]
"""Of what is bought with a node: cpu, memory and pods."""


class NodeType(BaseModel):
    """A node that can be bought: what pods can have of it (allocatable, not what the box says)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=253)]
    cpu: Annotated[str, Field(pattern=QUANTITY)]
    memory: Annotated[str, Field(pattern=QUANTITY)]
    pods: Annotated[int, Field(ge=1, le=10_000)] = 110
    price: Annotated[Decimal | None, Field(ge=0, le=10**9)] = None
    """In any currency and for any period: of all types the same."""


def advice(
    catalogue: Iterable[NodeType], demand: Iterable[tuple[Requests, int]], bot: Requests, daemons: Requests
) -> list[Advice]:
    """The one that leaves fewest unplaced first, then the cheapest, then the fewest nodes.

    `demand` is what bots ask that have no place, and how many ask just that; `bot` what the most common one asks,
    `daemons` what is taken on every node before.
    """
    needs: Counter[_Bought] = Counter()
    for asks, number in demand:
        needs[_bought(asks)] += number
    found = sorted(
        (_advice(one, needs, _bought(bot), _bought(daemons)) for one in catalogue),
        key=lambda one: (one.unplaced, Decimal(one.cost) if one.cost is not None else Decimal("Infinity"), one.nodes),
    )
    return found[:_MOST_ADVICE]


def _bought(asks: Requests) -> _Bought:
    return asks.get("cpu", 0), asks.get("memory", 0), asks.get("pods", 0)


def _advice(kind: NodeType, needs: Mapping[_Bought, int], bot: _Bought, daemons: _Bought) -> Advice:
    whole = _bought(amounts({"cpu": kind.cpu, "memory": kind.memory, "pods": kind.pods}))
    cpu, memory, pods = map(sub, whole, daemons)
    room = cpu, memory, pods
    placed = {asks: number for asks, number in needs.items() if all(map(ge, room, asks))}
    count = _filled(room, placed)
    each = _count_in(room, bot)
    return Advice(
        node_type=kind.name,
        nodes=count,
        bots_per_node=each,
        cost=_money(kind.price * count) if kind.price is not None else None,
        cost_per_bot=_money(kind.price / each) if kind.price is not None and each else None,
        utilization_percent=_percent(whole, daemons, placed, count),
        unplaced=sum(needs.values()) - sum(placed.values()),
    )


def _percent(whole: _Bought, daemons: _Bought, placed: Mapping[_Bought, int], nodes: int) -> int:
    """How full the fullest dimension of all nodes is."""
    full = 0.0
    for at, most in enumerate(whole):
        taken = daemons[at] * nodes + sum(asks[at] * number for asks, number in placed.items())
        full = max(full, taken / (most * nodes) if most * nodes else 0.0)
    return min(100, round(full * 100))


def _filled(room: _Bought, needs: Mapping[_Bought, int]) -> int:
    """How many nodes first fit decreasing takes; equal needs are placed together, and each fits an empty node."""
    count = 0
    open_nodes: list[_Bought] = []
    kinds = sorted((asks for asks, number in needs.items() if number), key=lambda asks: _share(room, asks))
    least = list(accumulate(kinds, _least))
    while kinds:
        # What has not even room for the least that is still to come is closed: it need not be looked at again.
        cpu, memory, pods = least.pop()
        open_nodes = [one for one in open_nodes if one[0] >= cpu and one[1] >= memory and one[2] >= pods]
        asks = cpu, memory, pods = kinds.pop()
        left = needs[asks]
        for index, free in enumerate(open_nodes):
            if free[0] >= cpu and free[1] >= memory and free[2] >= pods:
                fit = min(left, _count_in(free, asks))
                open_nodes[index] = _less(free, asks, fit)
                left -= fit
                if not left:
                    break
        while left:
            fit = min(left, _count_in(room, asks))
            open_nodes.append(_less(room, asks, fit))
            left -= fit
            count += 1
    return count


def _least(one: _Bought, other: _Bought) -> _Bought:
    return min(one[0], other[0]), min(one[1], other[1]), min(one[2], other[2])


def _less(free: _Bought, asks: _Bought, times: int) -> _Bought:
    return free[0] - asks[0] * times, free[1] - asks[1] * times, free[2] - asks[2] * times


def _count_in(free: _Bought, asks: _Bought) -> int:
    return max(0, min((have // need for have, need in zip(free, asks, strict=True) if need), default=0))


def _share(room: _Bought, asks: _Bought) -> float:
    """How much of a node one takes, of what it takes most."""
    return max((need / have for have, need in zip(room, asks, strict=True) if have > 0), default=0.0)


def _money(amount: Decimal) -> str:
    return f"{amount:.4f}".rstrip("0").rstrip(".")
