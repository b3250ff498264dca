"""What to buy: for each node type of the catalogue, how many of them what waits and what is expected would need."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from btcwatcher_crds.fleet_capacity import Advice
from btcwatcher_crds.pod_requests import Requests, amounts
from btcwatcher_operator.capacity.slots import bots_in, fits, together

QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"
_MOST_ADVICE = 50


class NodeType(BaseModel):
    """A node that can be bought: what pods can have of it (allocatable, not what the box says)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=253)]
    cpu: Annotated[str, Field(pattern=QUANTITY)]
    memory: Annotated[str, Field(pattern=QUANTITY)]
    pods: Annotated[int, Field(ge=1, le=10_000)] = 110
    price: Annotated[Decimal | None, Field(ge=0, le=10**9)] = None
    """In any currency and for any period: of all types the same."""


def advice(catalogue: Iterable[NodeType], demand: Sequence[Requests], bot: Requests, daemons: Requests) -> list[Advice]:
    """The one that leaves fewest unplaced first, then the cheapest, then the fewest nodes.

    `demand` is what each bot asks that has no place, `bot` what the most common one asks, `daemons` what is taken on
    every node before.
    """
    found = sorted(
        (_advice(one, demand, bot, daemons) for one in catalogue),
        key=lambda one: (one.unplaced, Decimal(one.cost) if one.cost is not None else Decimal("Infinity"), one.nodes),
    )
    return found[:_MOST_ADVICE]


def _advice(kind: NodeType, demand: Sequence[Requests], bot: Requests, daemons: Requests) -> Advice:
    whole = amounts({"cpu": kind.cpu, "memory": kind.memory, "pods": kind.pods})
    room = {name: most - daemons.get(name, 0) for name, most in whole.items()}
    needs = [{name: need for name, need in asks.items() if name in whole} for asks in demand]
    placed = [asks for asks in needs if fits(room, asks)]
    count = len(_filled(room, placed))
    each = min(bots_in(room, {name: bot.get(name, 0) for name in whole}).values(), default=0)
    taken = together([*placed, *([daemons] * count)])
    ratio = (
        max((taken.get(name, 0) / (whole[name] * count) for name in whole if whole[name]), default=0) if count else 0
    )
    return Advice(
        node_type=kind.name,
        nodes=count,
        bots_per_node=each,
        cost=_money(kind.price * count) if kind.price is not None else None,
        cost_per_bot=_money(kind.price / each) if kind.price is not None and each else None,
        utilization_percent=min(100, round(ratio * 100)),
        unplaced=len(needs) - len(placed),
    )


def _filled(room: Requests, needs: Iterable[Requests]) -> list[Requests]:
    """What is free on each node after first fit decreasing; equal needs are placed together."""
    kinds = Counter(tuple(sorted(asks.items())) for asks in needs)
    nodes: list[Requests] = []
    for kind, number in sorted(kinds.items(), key=lambda one: _share(room, dict(one[0])), reverse=True):
        asks, left = dict(kind), number
        for free in nodes:
            left -= _put(free, asks, left)
        while left:
            nodes.append(dict(room))
            left -= _put(nodes[-1], asks, left)
    return nodes


def _put(free: Requests, asks: Requests, most: int) -> int:
    """Takes room for as many as fit, `most` at the most; how many."""
    count = min(most, *bots_in(free, asks).values())
    for name, need in asks.items():
        free[name] -= count * need
    return count


def _share(room: Requests, asks: Requests) -> float:
    """How much of a node one takes, of what it takes most."""
    return max((need / room[name] for name, need in asks.items() if room[name] > 0), default=0.0)


def _money(amount: Decimal) -> str:
    return f"{amount:.4f}".rstrip("0").rstrip(".")
