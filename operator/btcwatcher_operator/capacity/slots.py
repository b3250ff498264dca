"""How many bots of one kind nodes take, what they lack first, and what is left when one is lost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from btcwatcher_crds.pod_requests import Requests, plus
from btcwatcher_operator.capacity.fits import Placement, admits
from btcwatcher_operator.capacity.observed import VOLUMES, Node

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
    """What it lacks first."""
    by_dimension: Mapping[str, int]


class Fleet:
    """Nodes, and which of them admit whom: found out once for each placement, of which there are few."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self._admitting: dict[Placement, list[Node]] = {}
        self._empty: dict[Placement, list[Requests]] = {}

    def admitting(self, placement: Placement) -> list[Node]:
        found = self._admitting.get(placement)
        if found is None:
            found = self._admitting[placement] = [node for node in self.nodes if admits(node.door, placement)]
        return found

    def empty(self, placement: Placement) -> list[Requests]:
        """What the nodes that admit it have when they are empty; nodes that are alike once."""
        found = self._empty.get(placement)
        if found is None:
            rooms = (node.empty for node in self.admitting(placement))
            found = self._empty[placement] = list({tuple(room.items()): room for room in rooms}.values())
        return found

    def copy(self, but: Node | None = None) -> "Fleet":
        """To be filled without changing this one; without the node `but`."""
        return Fleet([node.copy() for node in self.nodes if node is not but])


def rooms(fleet: Fleet, shape: Shape) -> list[tuple[Room, Requests]]:
    """Of the nodes that admit one, with what is free there."""
    return [(_room(node, shape.asks), node.free) for node in fleet.admitting(shape.placement)]


def places(fleet: Fleet, shape: Shape) -> int:
    """How many more the nodes take."""
    return sum(count_in(node.free, shape.asks) for node in fleet.admitting(shape.placement))


def bots_in(free: Mapping[str, int], asks: Requests) -> dict[str, int]:
    """By dimension, how many have room if nothing else ran out. What the node states no limit for has none."""
    return {
        name: max(0, free.get(name, 0)) // need for name, need in asks.items() if need and not _unlimited(name, free)
    }


def count_in(free: Mapping[str, int], asks: Requests) -> int:
    """How many have room: the least of `bots_in`, in less time."""
    least = None
    for name, need in asks.items():
        if need:
            have = free.get(name)
            if have is None and name == VOLUMES:
                continue
            if have is None or have < need:
                return 0
            count = have // need
            if least is None or count < least:
                least = count
    return least or 0


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


def without(fleet: Fleet, lost: Node) -> tuple[Fleet, int]:
    """The others once the lost one's pods have moved, the greediest first; and how many pods found no place."""
    others = fleet.copy(but=lost)
    moving = sorted((pod for pod in lost.pods if pod.movable), key=lambda pod: _size(pod.asks), reverse=True)
    homeless = place(alike(Shape(pod.asks, pod.placement) for pod in moving), others)
    return others, sum(count for _, count in homeless)


def alike(shapes: Iterable[Shape]) -> list[tuple[Shape, int]]:
    """Equal ones together, in the order of the first of them, and how many they are."""
    counts = Counter((one.placement, tuple(sorted(one.asks.items()))) for one in shapes)
    return [(Shape(dict(asks), placement), count) for (placement, asks), count in counts.items()]


def place(wanted: Sequence[tuple[Shape, int]], fleet: Fleet) -> list[tuple[Requests, int]]:
    """First fit, onto these nodes; what those ask that found no place, and how many they are."""
    least: dict[Placement, Requests] = {}
    for shape, _ in wanted:
        least[shape.placement] = _less(least.get(shape.placement, shape.asks), shape.asks)
    # Full nodes, which may be most of them, are looked at once and not for each shape.
    open_nodes = {
        placement: [node for node in fleet.admitting(placement) if fits(node.free, asks)]
        for placement, asks in least.items()
    }
    homeless = []
    for shape, number in wanted:
        left = number
        for node in open_nodes[shape.placement]:
            if count := min(left, count_in(node.free, shape.asks)):
                node.take(shape.asks, count)
                left -= count
                if not left:
                    break
        if left:
            homeless.append((shape.asks, left))
    return homeless


def too_large(fleet: Fleet, shape: Shape) -> bool:
    """Whether nodes admit such a pod and none could hold it even if it were empty."""
    empty = fleet.empty(shape.placement)
    return bool(empty) and not any(fits(room, shape.asks) for room in empty)


def fits(free: Mapping[str, int], asks: Requests) -> bool:
    return all(free.get(name, 0) >= need or _unlimited(name, free) for name, need in asks.items() if need)


def together(every: Iterable[Mapping[str, int]]) -> Requests:
    total: Requests = {}
    for one in every:
        total = plus(total, one)
    return total


def _room(node: Node, asks: Requests) -> Room:
    by_dimension = bots_in(node.free, asks)
    binding = min(by_dimension, key=lambda one: by_dimension[one], default=None)
    return Room(node.door.name, by_dimension[binding] if binding else 0, binding, by_dimension)


def _less(one: Requests, other: Requests) -> Requests:
    return {name: min(need, other.get(name, 0)) for name, need in one.items()}


def _unlimited(name: str, free: Mapping[str, int]) -> bool:
    """A node without a CSI driver that states a limit takes any number of volumes."""
    return name == VOLUMES and name not in free


def _size(asks: Requests) -> tuple[int, int]:
    return asks.get("memory", 0), asks.get("cpu", 0)
