"""What is seen of the cluster, kept small: nodes, pods and Strategies as the model wants them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from btcwatcher_crds.names import COMPONENT_BOT, LABEL_COMPONENT, LABEL_STRATEGY
from btcwatcher_crds.pod_requests import Requests, amounts, requests
from btcwatcher_operator.capacity.fits import Door, Placement, door, placement
from btcwatcher_operator.store import Key

Object = Mapping[str, Any]
Use = tuple[float, float]
"""What a bot uses: cores and bytes."""
VOLUMES: Final = "volumes"
"""Claims that pods mount, beside the resources that Kubernetes knows."""
_OVER: Final = frozenset({"Succeeded", "Failed"})
_MIRROR: Final = "kubernetes.io/config.mirror"


@dataclass(frozen=True, slots=True)
class Pod:
    """One that takes room, or wants some."""

    node: str | None
    asks: Requests
    strategy: Key | None
    """Whose bot it is."""
    daemon: str | None
    """Uid of the DaemonSet that has one on every node."""
    movable: bool
    """Whether it comes up on another node when its own is lost."""
    placement: Placement


@dataclass(slots=True)
class Node:
    door: Door
    allocatable: Requests
    pods: list[Pod] = field(default_factory=list)
    free: Requests = field(init=False)
    """Below 0 where more is promised than there is; resources that the node lacks are not named."""

    def __post_init__(self) -> None:
        self.free = dict(self.allocatable)
        for pod in self.pods:
            self.take(pod.asks)

    def add(self, pod: Pod) -> None:
        self.pods.append(pod)
        self.take(pod.asks)

    def take(self, asks: Requests, times: int = 1) -> None:
        for name, need in asks.items():
            if name in self.free:
                self.free[name] -= need * times

    def copy(self) -> "Node":
        """With the same pods and as much free, to be filled without changing this one."""
        other = Node(self.door, self.allocatable)
        other.pods, other.free = list(self.pods), dict(self.free)
        return other

    @property
    def empty(self) -> Requests:
        """What it has for others than daemon pods, which are on an empty node too."""
        left = dict(self.allocatable)
        for pod in self.pods:
            if pod.daemon is not None:
                for name in left:
                    left[name] -= pod.asks.get(name, 0)
        return left


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Strategy that wants a pod."""

    key: Key
    name: str
    """spec.strategyName."""
    exchange: str
    proxy: str | None
    """Namespace and name of its first Proxy; None: it goes out by the cluster's own address."""
    timeframe: str
    pairs: frozenset[str]
    asks: Requests
    placement: Placement


def pod(obj: Object) -> Pod | None:
    """None for one that is over: it takes nothing."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    if (obj.get("status") or {}).get("phase") in _OVER:
        return None
    labels = metadata.get("labels") or {}
    owners = metadata.get("ownerReferences") or ()
    daemon = next((one.get("uid") for one in owners if one.get("kind") == "DaemonSet"), None)
    bot = labels.get(LABEL_COMPONENT) == COMPONENT_BOT and labels.get(LABEL_STRATEGY)
    claims = sum(1 for one in spec.get("volumes") or () if one.get("persistentVolumeClaim") or one.get("ephemeral"))
    return Pod(
        node=spec.get("nodeName") or None,
        asks={**requests(obj), VOLUMES: claims},
        strategy=Key(metadata["namespace"], bot) if bot else None,
        daemon=daemon,
        movable=daemon is None and bool(owners) and _MIRROR not in (metadata.get("annotations") or {}),
        placement=placement(spec),
    )


def nodes(listed: Iterable[Object], csi_nodes: Iterable[Object], pods: Iterable[Pod]) -> list[Node]:
    """By name, with the pods on them; pods of a node that is not listed are left out."""
    limits = {one["metadata"]["name"]: limit for one in csi_nodes if (limit := _volume_limit(one)) is not None}
    found = {}
    for obj in sorted(listed, key=lambda one: str(one["metadata"]["name"])):
        name = obj["metadata"]["name"]
        allocatable = amounts((obj.get("status") or {}).get("allocatable"))
        found[name] = Node(door(obj), {**allocatable, **({VOLUMES: limits[name]} if name in limits else {})})
    for one in pods:
        if one.node in found:
            found[one.node].add(one)
    return list(found.values())


def wanted(strategy: Object) -> Wanted | None:
    """None for a Strategy that wants no pod: it is suspended, or on its way out."""
    metadata, spec = strategy["metadata"], strategy.get("spec") or {}
    if spec.get("state") == "Suspended" or metadata.get("deletionTimestamp"):
        return None
    exchange = spec.get("exchange") or {}
    proxies = exchange.get("proxyRefs") or ()
    resources = spec.get("resources") or {}
    asks = {**amounts(resources.get("limits")), **amounts(resources.get("requests"))}
    return Wanted(
        key=Key(metadata["namespace"], metadata["name"]),
        name=spec.get("strategyName", ""),
        exchange=exchange.get("name", ""),
        proxy=f"{metadata['namespace']}/{proxies[0]['name']}" if proxies else None,
        timeframe=spec.get("timeframe", ""),
        pairs=frozenset(exchange.get("pairs") or ()),
        asks={**asks, "pods": 1, VOLUMES: 1},
        placement=placement(spec.get("podTemplate") or {}),
    )


def _volume_limit(csi_node: Object) -> int | None:
    """The least that a driver states: which one a bot's claim gets is the StorageClass' affair, and most have one."""
    drivers = (csi_node.get("spec") or {}).get("drivers") or ()
    counts = [one["allocatable"]["count"] for one in drivers if (one.get("allocatable") or {}).get("count") is not None]
    return min(counts, default=None)
