"""How many bots of one kind nodes take, what they lack first, and what is left when one is lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from btcwatcher_crds.pod_requests import Requests, plus
from btcwatcher_operator.capacity.fits import Placement, admits
from btcwatcher_operator.capacity.observed import VOLUMES, Node, Pod

DIMENSIONS: Final = ("cpu", "memory", "pods", "ephemeral-storage", VOLUMES)
"""Named in the contract; what else a pod asks for (a GPU) is counted and, where it binds, shown as `nodes`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one bot needs of a node."""

    asks: Requests
    placement: Placement


@dataclass(frozen=True, slots=True)
class Room:
    """What one node has for a shape."""

    node: str
    free: int
    binding: str | None
    """What it lacks first; None where it admits no such pod."""
    by_dimension: Mapping[str, int]


def room(node: Node, shape: Shape) -> Room | None:
    """None where the node admits no such pod."""
    return _room(node.door.name, node.free, shape.asks) if admits(node.door, shape.placement) else None


def bots_in(free: Mapping[str, int], asks: Requests) -> dict[str, int]:
    """By dimension, how many have room if nothing else ran out. What the node states no limit for has none."""
    return {
        name: max(0, free.get(name, 0)) // need for name, need in asks.items() if need and not _unlimited(name, free)
    }


def stranded(rooms: Iterable[tuple[Room, Requests]], asks: Requests, name: str) -> int:
    """What is free of `name`, on nodes that have room for more bots in it than they have places."""
    need = asks.get(name, 0)
    return sum(
        max(0, free.get(name, 0)) - one.free * need
        for one, free in rooms
        if need and one.by_dimension.get(name, 0) > one.free
    )


def largest(nodes: Sequence[Node], places: Mapping[str, int]) -> Node | None:
    """The one with most places, used and free; None unless there are two at least that are ready."""
    ready = [node for node in nodes if node.door.ready]
    if len(ready) < 2:
        return None
    return max(ready, key=lambda node: (places.get(node.door.name, 0), node.door.name))


def without(nodes: Sequence[Node], lost: Node) -> tuple[list[Node], int]:
    """The others once the lost one's pods have moved, the greediest first; and how many pods found no place."""
    others = [
        Node(node.door, node.allocatable, list(node.pods), dict(node.taken)) for node in nodes if node is not lost
    ]
    moving = sorted((pod for pod in lost.pods if pod.movable), key=lambda pod: _size(pod.asks), reverse=True)
    return others, place(moving, others)


def place(pods: Iterable[Pod], nodes: Sequence[Node]) -> int:
    """First fit, onto these nodes; how many found none."""
    left = 0
    # Equal pods come one after another: what was full for one is full for the next.
    start: dict[tuple[Placement, tuple[tuple[str, int], ...]], int] = {}
    for pod in pods:
        kind = (pod.placement, tuple(sorted(pod.asks.items())))
        for index in range(start.get(kind, 0), len(nodes)):
            if admits(nodes[index].door, pod.placement) and fits(nodes[index].free, pod.asks):
                nodes[index].add(pod)
                start[kind] = index
                break
        else:
            start[kind] = len(nodes)
            left += 1
    return left


def fits(free: Mapping[str, int], asks: Requests) -> bool:
    return all(free.get(name, 0) >= need or _unlimited(name, free) for name, need in asks.items() if need)


def empty(node: Node) -> Requests:
    """What it has for others than daemon pods."""
    daemons = node.daemons
    return {name: most - daemons.get(name, 0) for name, most in node.allocatable.items()}


def together(every: Iterable[Mapping[str, int]]) -> Requests:
    total: Requests = {}
    for one in every:
        total = plus(total, one)
    return total


def _room(name: str, free: Requests, asks: Requests) -> Room:
    by_dimension = bots_in(free, asks)
    binding = min(by_dimension, key=lambda one: by_dimension[one], default=None)
    return Room(name, by_dimension[binding] if binding else 0, binding, by_dimension)


def _unlimited(name: str, free: Mapping[str, int]) -> bool:
    """A node without a CSI driver that states a limit takes any number of volumes."""
    return name == VOLUMES and name not in free


def _size(asks: Requests) -> tuple[int, int]:
    return asks.get("memory", 0), asks.get("cpu", 0)
