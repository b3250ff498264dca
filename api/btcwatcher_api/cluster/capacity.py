"""What the nodes can give and what the pods on them have asked for. Pure: from the objects as Kubernetes lists them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from btcwatcher_crds import pod_requests
from btcwatcher_crds.names import COMPONENT_BOT, LABEL_COMPONENT, LABEL_STRATEGY
from btcwatcher_crds.quantity import number

Object = Mapping[str, Any]
_OVER: Final = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Amounts:
    """Of one node or of all."""

    cpu: float = 0.0
    """Cores."""
    memory: float = 0.0
    """Bytes."""
    pods: float = 0.0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(self.cpu + other.cpu, self.memory + other.memory, self.pods + other.pods)


@dataclass(slots=True)
class NodeCapacity:
    """One node."""

    name: str
    ready: bool
    schedulable: bool
    addresses: frozenset[str]
    """By which Prometheus may know it."""
    allocatable: Amounts
    requested: Amounts = field(default_factory=Amounts)
    bots: int = 0

    @property
    def counts(self) -> bool:
        """Whether new bots can be placed on it."""
        return self.ready and self.schedulable


@dataclass(frozen=True, slots=True)
class BotPod:
    """The pod of a Strategy."""

    strategy: tuple[str, str]
    node: str | None
    phase: str
    restarts: int
    requested: Amounts


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment."""

    nodes: tuple[NodeCapacity, ...]
    bots: tuple[BotPod, ...]
    pending: int
    """Pods that no node has taken yet."""

    @property
    def allocatable(self) -> Amounts:
        return sum((node.allocatable for node in self.nodes if node.counts), Amounts())

    @property
    def requested(self) -> Amounts:
        return sum((node.requested for node in self.nodes if node.counts), Amounts())


def picture(nodes: Iterable[Object], pods: Iterable[Object]) -> Picture:
    """Pods that are over take nothing; pods of a node that is not listed are left out."""
    by_name = {node["metadata"]["name"]: _node(node) for node in nodes}
    bots, pending = [], 0
    for pod in pods:
        status = pod.get("status") or {}
        if status.get("phase") in _OVER:
            continue
        name = (pod.get("spec") or {}).get("nodeName")
        pending += not name
        bot = _bot(pod)
        if bot is not None:
            bots.append(bot)
        node = by_name.get(name)
        if node is not None:
            node.requested += requests(pod)
            node.bots += bot is not None
    return Picture(tuple(by_name[name] for name in sorted(by_name)), tuple(bots), pending)


def requests(pod: Object) -> Amounts:
    """What the scheduler counts."""
    asked = pod_requests.requests(pod)
    return Amounts(asked.get("cpu", 0) / 1000, float(asked.get("memory", 0)), float(asked["pods"]))


def _node(node: Object) -> NodeCapacity:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    allocatable = status.get("allocatable") or {}
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or ()}
    addresses = {str(one.get("address", "")) for one in status.get("addresses") or ()} | {metadata["name"]}
    return NodeCapacity(
        name=metadata["name"],
        ready=conditions.get("Ready") == "True",
        schedulable=not spec.get("unschedulable", False),
        addresses=frozenset(addresses),
        allocatable=Amounts(*(number(allocatable.get(name, 0)) for name in ("cpu", "memory", "pods"))),
    )


def _bot(pod: Object) -> BotPod | None:
    labels = pod["metadata"].get("labels") or {}
    name = labels.get(LABEL_STRATEGY)
    if not name or labels.get(LABEL_COMPONENT) != COMPONENT_BOT:
        return None
    status = pod.get("status") or {}
    return BotPod(
        strategy=(pod["metadata"]["namespace"], name),
        node=(pod.get("spec") or {}).get("nodeName"),
        phase=str(status.get("phase", "Unknown")),
        restarts=sum(one.get("restartCount") or 0 for one in status.get("containerStatuses") or ()),
        requested=requests(pod),
    )
