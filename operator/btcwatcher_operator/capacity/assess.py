"""All of it together: from what is seen of the cluster to what the FleetCapacity says."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

from btcwatcher_crds.fleet_capacity import (
    BotClass,
    BotNeed,
    Dimension,
    DimensionSlots,
    ExchangeBudget,
    FleetCapacityStatus,
    Forecast,
    NodeSlots,
    Slots,
    Stranded,
)
from btcwatcher_crds.pod_requests import Requests, most
from btcwatcher_operator.capacity.advice import NodeType, advice
from btcwatcher_operator.capacity.budget import CacheBudget, budgets
from btcwatcher_operator.capacity.fits import Placement
from btcwatcher_operator.capacity.forecast import Sample, forecast
from btcwatcher_operator.capacity.observed import VOLUMES, Node, Pod, Use, Wanted
from btcwatcher_operator.capacity.sentence import sentence
from btcwatcher_operator.capacity.slots import (
    DIMENSIONS,
    Fleet,
    Room,
    Shape,
    alike,
    largest,
    place,
    places,
    rooms,
    stranded,
    together,
    too_large,
    without,
)
from btcwatcher_operator.store import Key

_MOST_CLASSES: Final = 100
_MOST_NODES: Final = 1000
_CPU_STEP: Final = 10
_MEMORY_STEP: Final = 16 * 2**20
"""What bots use is rounded up to these, so that the status does not change with every breath of theirs."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What is set, and what the operator itself gives out."""

    ports: int
    """Of the pool."""
    ports_used: int
    bot: Requests
    """What a bot is counted with while there is none to learn it from."""
    exchange_budget: Mapping[str, int] = field(default_factory=dict)
    cached: Mapping[str, CacheBudget] = field(default_factory=dict)
    """Exchanges whose market data is downloaded once for all bots."""
    catalogue: Sequence[NodeType] = ()
    forecast_days: int = 30


@dataclass(frozen=True, slots=True)
class Past:
    """What Prometheus knows."""

    uses: Mapping[Key, Use] = field(default_factory=dict)
    used_slots: Sequence[Sample] = ()


@dataclass(frozen=True, slots=True)
class _Class:
    """Strategies that are counted alike."""

    name: str
    exchange: str
    strategies: int
    shape: Shape
    observed: bool


@dataclass(frozen=True, slots=True)
class _Free:
    """How many more bots of a class have a place, and why no more."""

    count: int
    binding: Dimension
    dimensions: dict[str, int]
    rooms: list[tuple[Room, Requests]]
    """Of the nodes that admit one, with what is free there."""


def assess(
    nodes: Sequence[Node], pods: Sequence[Pod], strategies: Sequence[Wanted], platform: Platform, past: Past
) -> FleetCapacityStatus:
    """`pods` are those that no node has. Nodes are changed: they are to be made anew for each call. No conditions."""
    asked = _asked(nodes, pods, strategies)
    fleet = Fleet(nodes)
    uses = {key: _rounded(use) for key, use in past.uses.items()}
    _count_what_bots_use(nodes, uses)
    needs = {one.key: _need(asked[one.key], uses.get(one.key)) for one in strategies}
    classes = _classes(strategies, asked, needs)
    common = classes[0] if classes else _Class("", "", 0, Shape(_default(platform.bot), Placement()), False)
    exchanges = budgets(strategies, platform.exchange_budget, platform.cached)
    ports = max(0, platform.ports - platform.ports_used)
    placed = {pod.strategy for node in nodes for pod in node.pods if pod.strategy is not None}
    used = sum(one.key in placed for one in strategies)
    waiting = alike(Shape(needs[one.key], one.placement) for one in strategies if one.key not in placed)
    pending = sum(count for _, count in waiting)
    others = _beside_nodes(common, ports, exchanges)
    free = _free(fleet, common, others)
    coming = forecast(past.used_slots, free.count)
    per_node = {one.node: one for one, _ in free.rooms}
    bots = {node.door.name: sum(pod.strategy is not None for pod in node.pods) for node in nodes}
    slots = Slots(used=used, free=free.count, **_node_lost(fleet, common, others, bots, per_node))
    unfit = sum(count for shape, count in waiting if too_large(fleet, shape))
    offers = advice(
        platform.catalogue,
        _demand(fleet, waiting, common.shape, coming, platform.forecast_days),
        common.shape.asks,
        _on_every_node(nodes),
    )
    bot = _bot_need(common.shape.asks)
    return FleetCapacityStatus(
        slots=slots,
        binding=free.binding,
        bot=bot,
        pending=pending,
        too_large=unfit,
        dimensions=[
            DimensionSlots(dimension=cast("Dimension", name), free=count)
            for name, count in sorted(free.dimensions.items(), key=lambda one: (one[1], one[0]))
        ],
        stranded=Stranded(
            cpu=_cores(stranded(free.rooms, common.shape.asks, "cpu")),
            memory=_mebibytes(stranded(free.rooms, common.shape.asks, "memory")),
        ),
        nodes=[_node_slots(node, bots[node.door.name], per_node.get(node.door.name)) for node in nodes[:_MOST_NODES]],
        classes=[
            BotClass(
                name=one.name,
                exchange=one.exchange,
                strategies=one.strategies,
                need=_bot_need(one.shape.asks),
                source="Observed" if one.observed else "Requests",
                free=min(places(fleet, one.shape), *_beside_nodes(one, ports, exchanges).values()),
            )
            for one in classes[:_MOST_CLASSES]
        ],
        exchanges=exchanges,
        forecast=coming,
        advice=offers,
        summary=sentence(slots, free.binding, pending, unfit, coming, offers, platform.forecast_days),
    )


_SHOWN: Final = frozenset({*DIMENSIONS, "nodes", "ports", "exchange"})


def _asked(nodes: Sequence[Node], pods: Sequence[Pod], strategies: Sequence[Wanted]) -> dict[Key, Requests]:
    """By Strategy: what its pod asks, which a LimitRange may have filled in; before it has one what its spec says."""
    of_pods = {pod.strategy: pod.asks for pod in pods if pod.strategy is not None}
    of_pods |= {pod.strategy: pod.asks for node in nodes for pod in node.pods if pod.strategy is not None}
    return {one.key: of_pods.get(one.key, one.asks) for one in strategies}


def _rounded(use: Use) -> Requests:
    cores, memory = use
    return {
        "cpu": math.ceil(cores * 1000 / _CPU_STEP) * _CPU_STEP,
        "memory": math.ceil(memory / _MEMORY_STEP) * _MEMORY_STEP,
    }


def _need(asks: Requests, use: Requests | None) -> Requests:
    return most(asks, use) if use else asks


def _count_what_bots_use(nodes: Sequence[Node], uses: Mapping[Key, Requests]) -> None:
    """A bot that uses more than it asked for takes that from its node, whatever the scheduler believes."""
    for node in nodes:
        for at, pod in enumerate(node.pods):
            use = uses.get(pod.strategy) if pod.strategy is not None else None
            if use is not None:
                need = most(pod.asks, use)
                node.take({name: need[name] - pod.asks.get(name, 0) for name in use})
                node.pods[at] = replace(pod, asks=need)


def _classes(
    strategies: Sequence[Wanted], asked: Mapping[Key, Requests], needs: Mapping[Key, Requests]
) -> list[_Class]:
    """The most common first."""
    members: defaultdict[tuple[str, str], list[Wanted]] = defaultdict(list)
    for one in strategies:
        members[one.name, one.exchange].append(one)
    found = []
    for (name, exchange), group in sorted(members.items(), key=lambda one: (-len(one[1]), one[0])):
        asks: Requests = {}
        plain: Requests = {}
        for one in group:
            asks, plain = most(asks, needs[one.key]), most(plain, asked[one.key])
        placements = Counter(one.placement for one in group)
        shape = Shape(asks, placements.most_common(1)[0][0])
        found.append(_Class(name, exchange, len(group), shape, asks != plain))
    return found


def _default(bot: Requests) -> Requests:
    return {**bot, "pods": 1, VOLUMES: 1}


def _free(fleet: Fleet, kind: _Class, others: Mapping[str, int]) -> _Free:
    """`others` is what is free beside the nodes."""
    found = rooms(fleet, kind.shape)
    dimensions: dict[str, int] = {}
    for one, _ in found:
        for name, count in one.by_dimension.items():
            dimensions[name] = dimensions.get(name, 0) + count
    # Volumes are without limit on a node that states none.
    if any(VOLUMES not in one.by_dimension for one, _ in found):
        dimensions.pop(VOLUMES, None)
    on_nodes = sum(one.free for one, _ in found)
    binding = _of_the_nodes(found, dimensions)
    if binding == "nodes":
        dimensions["nodes"] = on_nodes
    count = on_nodes
    for name, free in others.items():
        if free < count:
            count, binding = free, name
    shown = {name: free for name, free in dimensions.items() if name in _SHOWN}
    return _Free(count, cast("Dimension", binding), {**shown, **others}, found)


def _beside_nodes(kind: _Class, ports: int, exchanges: Sequence[ExchangeBudget]) -> dict[str, int]:
    """What is free of that which no node adds to."""
    budget = next((one.free for one in exchanges if one.name == kind.exchange), None)
    return {"ports": ports} if budget is None else {"ports": ports, "exchange": budget}


def _of_the_nodes(found: Sequence[tuple[Room, Requests]], dimensions: Mapping[str, int]) -> str:
    """That without which nodes had most places more. What is no dimension of the contract is a matter of nodes."""

    def without_it(name: str) -> float:
        others = ([count for one, count in room.by_dimension.items() if one != name] for room, _ in found)
        return sum(min(counts, default=math.inf) for counts in others)

    binding = min(dimensions, key=lambda name: (-without_it(name), dimensions[name]), default="nodes")
    return binding if binding in DIMENSIONS else "nodes"


def _node_lost(
    fleet: Fleet, common: _Class, others: Mapping[str, int], bots: Mapping[str, int], found: Mapping[str, Room]
) -> dict[str, int | str | None]:
    taken = {name: count + (found[name].free if name in found else 0) for name, count in bots.items()}
    lost = largest(fleet.nodes, taken)
    if lost is None:
        return {}
    rest, homeless = without(fleet, lost)
    left = -homeless if homeless else min(places(rest, common.shape), *others.values())
    return {"free_with_largest_node_lost": left, "largest_node": lost.door.name}


def _demand(
    fleet: Fleet, waiting: Sequence[tuple[Shape, int]], common: Shape, coming: Forecast | None, days: int
) -> list[tuple[Requests, int]]:
    """What the bots ask that nodes have no place for: those that wait, and after them those that are expected."""
    there = fleet.copy()
    homeless = place(waiting, there)
    expected = max(0, math.ceil(float(coming.growth_per_day) * days)) if coming is not None else 0
    return [*homeless, (common.asks, max(0, expected - places(there, common)))]


def _on_every_node(nodes: Sequence[Node]) -> Requests:
    """What DaemonSets will ask on a new node: the most that each asks anywhere."""
    by_set: dict[str, Requests] = {}
    for node in nodes:
        for pod in node.pods:
            if pod.daemon is not None:
                by_set[pod.daemon] = most(by_set.get(pod.daemon, {}), pod.asks)
    return together(by_set.values())


def _node_slots(node: Node, bots: int, found: Room | None) -> NodeSlots:
    if found is None:
        return NodeSlots(name=node.door.name, used=bots, free=0, binding="nodes")
    binding = found.binding if found.binding in _SHOWN else "nodes"
    return NodeSlots(name=node.door.name, used=bots, free=found.free, binding=cast("Dimension", binding))


def _bot_need(asks: Requests) -> BotNeed:
    return BotNeed(cpu=_cores(asks.get("cpu", 0)), memory=_mebibytes(asks.get("memory", 0)))


def _cores(thousandths: int) -> str:
    return f"{thousandths}m"


def _mebibytes(count: int) -> str:
    return f"{-(-count // 2**20)}Mi" if count else "0"
