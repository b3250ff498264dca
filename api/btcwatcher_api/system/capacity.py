"""How full the platform is: nodes, ports, and what of it is the fullest. Pure, and the answers' shapes."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from btcwatcher_api.cluster.capacity import Amounts, Picture
from btcwatcher_api.sources import DataSource
from btcwatcher_api.system.fleet import FleetFigures
from btcwatcher_crds.conditions import ConditionType, Reason
from btcwatcher_crds.names import strategy_id

Unit = Literal["cores", "bytes", "pods", "ports"]


class _Answer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Figure(_Answer):
    """How much there is of something, and how much of it is taken."""

    unit: Unit
    total: float
    """What can be given: of ready, schedulable nodes."""
    taken: float
    """What pods have asked for (their requests), or Strategies have."""
    free: float
    """Below 0 where more is promised than there is."""
    ratio: float | None
    """taken / total; null where there is nothing to take from."""


class Figures(_Answer):
    """Of one node or of all."""

    cpu: Figure
    memory: Figure
    pods: Figure


class PortRange(_Answer):
    """The pool, counted."""

    first: int
    last: int
    size: int
    used: int
    free: int


class PortOfStrategy(_Answer):
    """A port that is taken."""

    port: int
    strategy_id: str


class PortPool(PortRange):
    """The pool and who has which port. Any of 8081 to 9080 unless BTCWATCHER_PORT_RANGE says otherwise."""

    ports: list[PortOfStrategy]
    """By port; with those of an earlier range that lie outside."""
    waiting: list[str]
    """Strategies that wait for a port, by id."""


class NodeCount(_Answer):
    total: int
    ready: int
    schedulable: int
    """Ready, and open for new pods."""


class Alert(_Answer):
    """Whether the fullest of all is fuller than it should be."""

    threshold_percent: int
    """Set by POST /api/v1/system/capacity/alert-threshold."""
    reached: bool
    binding: Literal["cpu", "memory", "pods", "ports"] | None
    """What is the fullest, so that it is what ends first."""
    utilization_percent: float | None


class Capacity(_Answer):
    """How full the platform is."""

    sources: list[DataSource]
    nodes: NodeCount | None
    resources: Figures | None
    """Of all nodes that take new pods."""
    pending_pods: int | None
    """Pods that no node has taken."""
    ports: PortRange
    strategies: int
    alert: Alert


class NodeFigures(_Answer):
    """One node."""

    name: str
    ready: bool
    schedulable: bool
    bots: int
    resources: Figures


class DetailedCapacity(_Answer):
    """Node by node."""

    sources: list[DataSource]
    nodes: list[NodeFigures]
    bots: int
    bots_cpu_cores: float
    """What all bots together have asked for."""
    bots_memory_bytes: float
    fleet: FleetFigures | None
    """What the operator makes of all this; null where it has written nothing, and `sources` say why."""


class Threshold(_Answer):
    """When capacity counts as short."""

    threshold_percent: Annotated[int, Field(ge=1, le=100, examples=[80])]
    """Of the fullest of CPU, memory, pods and ports."""


def figure(unit: Unit, total: float, taken: float) -> Figure:
    ratio = round(taken / total, 4) if total > 0 else None
    return Figure(unit=unit, total=round(total, 3), taken=round(taken, 3), free=round(total - taken, 3), ratio=ratio)


def figures(total: Amounts, taken: Amounts) -> Figures:
    return Figures(
        cpu=figure("cores", total.cpu, taken.cpu),
        memory=figure("bytes", total.memory, taken.memory),
        pods=figure("pods", total.pods, taken.pods),
    )


def port_pool(first: int, last: int, items: Iterable[Mapping[str, Any]]) -> PortPool:
    """As the Strategies' status says, which is where a port is kept."""
    ports, waiting = [], []
    for item in items:
        identifier = strategy_id(item["metadata"]["namespace"], item["metadata"]["name"])
        status = item.get("status") or {}
        if isinstance(status.get("port"), int):
            ports.append(PortOfStrategy(port=status["port"], strategy_id=identifier))
        elif any(
            one.get("type") == ConditionType.READY and one.get("reason") == Reason.PORT_POOL_EXHAUSTED
            for one in status.get("conditions") or ()
        ):
            waiting.append(identifier)
    size = last - first + 1
    used = len({one.port for one in ports if first <= one.port <= last})
    return PortPool(
        first=first,
        last=last,
        size=size,
        used=used,
        free=size - used,
        ports=sorted(ports, key=lambda one: (one.port, one.strategy_id)),
        waiting=sorted(waiting),
    )


def alert(threshold_percent: int, ports: PortRange, resources: Figures | None) -> Alert:
    """What is the fullest of what is known."""
    ratios: dict[Literal["cpu", "memory", "pods", "ports"], float | None] = {"ports": ports.used / ports.size}
    if resources is not None:
        ratios |= {"cpu": resources.cpu.ratio, "memory": resources.memory.ratio, "pods": resources.pods.ratio}
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    binding = max(known, key=lambda name: known[name])
    percent = round(known[binding] * 100, 2)
    return Alert(
        threshold_percent=threshold_percent,
        reached=percent >= threshold_percent,
        binding=binding,
        utilization_percent=percent,
    )


def node_count(seen: Picture) -> NodeCount:
    return NodeCount(
        total=len(seen.nodes),
        ready=sum(node.ready for node in seen.nodes),
        schedulable=sum(node.counts for node in seen.nodes),
    )


def node_by_node(seen: Picture) -> list[NodeFigures]:
    return [
        NodeFigures(
            name=node.name,
            ready=node.ready,
            schedulable=node.schedulable,
            bots=node.bots,
            resources=figures(node.allocatable, node.requested),
        )
        for node in seen.nodes
    ]
