"""Placing bots on nodes, one lost or none, and what is left of no use."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from btcwatcher_operator.capacity.fits import Door, Placement
from btcwatcher_operator.capacity.observed import VOLUMES, Node, Pod
from btcwatcher_operator.capacity.slots import (
    Fleet,
    Shape,
    alike,
    bots_in,
    count_in,
    fits,
    largest,
    place,
    places,
    rooms,
    stranded,
    too_large,
    without,
)

ANYWHERE = Placement()
SSD = Placement(selector=(("disk", "ssd"),))


def node(name: str, disk: str = "hdd", ready: bool = True, **allocatable: int) -> Node:
    return Node(Door(name, ready, {"disk": disk}, ()), allocatable)


def pod(daemon: str | None = None, movable: bool = True, placement: Placement = ANYWHERE, **asks: int) -> Pod:
    return Pod(None, asks, None, daemon, movable and daemon is None, placement)


def shape(placement: Placement = ANYWHERE, **asks: int) -> Shape:
    return Shape(asks, placement)


def test_first_fit_fills_one_node_after_the_other() -> None:
    fleet = Fleet([node("a", cpu=5), node("b", cpu=9)])
    assert place([(shape(cpu=2), 3)], fleet) == []
    assert [one.free for one in fleet.nodes] == [{"cpu": 1}, {"cpu": 7}]


def test_what_finds_no_place_is_told_with_how_many_they_are() -> None:
    fleet = Fleet([node("a", cpu=5)])
    assert place([(shape(cpu=2), 4), (shape(cpu=1), 3)], fleet) == [({"cpu": 2}, 2), ({"cpu": 1}, 2)]


def test_a_smaller_one_has_the_room_that_is_too_small_for_those_before_it() -> None:
    fleet = Fleet([node("a", cpu=3), node("b", cpu=3)])
    assert place([(shape(cpu=2), 3), (shape(cpu=1), 2)], fleet) == [({"cpu": 2}, 1)]
    assert [one.free for one in fleet.nodes] == [{"cpu": 0}, {"cpu": 0}]


def test_each_goes_where_it_is_admitted() -> None:
    fleet = Fleet([node("a", cpu=2), node("b", disk="ssd", cpu=2)])
    assert place([(shape(SSD, cpu=1), 3), (shape(cpu=1), 1)], fleet) == [({"cpu": 1}, 1)]
    assert [one.free for one in fleet.nodes] == [{"cpu": 1}, {"cpu": 0}]


def test_what_a_node_does_not_have_has_no_room_but_volumes_without_a_limit_have() -> None:
    fleet = Fleet([node("a", cpu=9)])
    assert place([(shape(cpu=1, gpu=1), 1)], fleet) == [({"cpu": 1, "gpu": 1}, 1)]
    assert place([(shape(cpu=1, volumes=1), 2)], fleet) == []
    assert place([(shape(cpu=1, volumes=1), 3)], Fleet([node("a", cpu=9, volumes=1)])) == [({"cpu": 1, VOLUMES: 1}, 2)]


def test_where_more_is_promised_than_there_is_nothing_has_room_that_needs_it() -> None:
    over = node("a", cpu=2, memory=5)
    over.add(pod(cpu=3))
    assert over.free == {"cpu": -1, "memory": 5}
    assert place([(shape(cpu=1), 1)], Fleet([over])) == [({"cpu": 1}, 1)]
    assert place([(shape(cpu=0, memory=1), 1)], Fleet([over])) == []


def test_equal_ones_are_together_whatever_the_order_of_what_they_ask() -> None:
    one, other = Shape({"cpu": 1, "memory": 2}, ANYWHERE), Shape({"memory": 2, "cpu": 1}, ANYWHERE)
    assert alike([one, shape(cpu=1), other, Shape(one.asks, SSD)]) == [
        (one, 2),
        (shape(cpu=1), 1),
        (Shape(one.asks, SSD), 1),
    ]


def test_a_lost_nodes_pods_move_the_greediest_first_and_leave_the_nodes_that_were_there_alone() -> None:
    lost, rest = node("a", cpu=9, memory=90), node("b", cpu=9, memory=40)
    for one in (pod(cpu=1, memory=10), pod(cpu=1, memory=30), pod("d", cpu=1, memory=10), pod(movable=False, cpu=1)):
        lost.add(one)
    fleet = Fleet([lost, rest])
    others, homeless = without(fleet, lost)
    assert homeless == 0
    assert [(one.door.name, one.free) for one in others.nodes] == [("b", {"cpu": 7, "memory": 0})]
    assert rest.free == {"cpu": 9, "memory": 40}
    # The large one has the room, and it is the small ones that find none.
    for _ in range(2):
        lost.add(pod(cpu=1, memory=10))
    others, homeless = without(fleet, lost)
    assert homeless == 2
    assert others.nodes[0].free["memory"] == 0


def test_a_pod_that_only_the_lost_node_admits_finds_no_place() -> None:
    lost = node("a", disk="ssd", cpu=9)
    lost.add(pod(placement=SSD, cpu=1))
    assert without(Fleet([lost, node("b", cpu=9)]), lost)[1] == 1


def test_the_largest_is_the_ready_one_with_most_places() -> None:
    nodes = [node("a", cpu=1), node("b", cpu=1), node("c", ready=False, cpu=1)]
    found = largest(nodes, {"a": 3, "b": 2, "c": 9})
    assert found is not None
    assert found.door.name == "a"
    assert largest(nodes[1:], {}) is None, "there is no other ready one that its pods could go to"


def test_stranded_is_what_lies_beside_the_places() -> None:
    fleet = Fleet([node("a", cpu=10, memory=25), node("b", cpu=3, memory=90), node("c", disk="ssd", cpu=7, memory=70)])
    found = rooms(fleet, shape(cpu=1, memory=10))
    assert [one.free for one, _ in found] == [2, 3, 7]
    assert stranded(found, {"cpu": 1, "memory": 10}, "cpu") == 10 - 2
    assert stranded(found, {"cpu": 1, "memory": 10}, "memory") == 90 - 30
    assert stranded(found, {"memory": 10}, "cpu") == 0, "a bot without a request strands nothing"


def test_less_than_one_bot_needs_is_not_stranded() -> None:
    found = rooms(Fleet([node("a", cpu=1, memory=9)]), shape(cpu=1, memory=10))
    assert stranded(found, {"cpu": 1, "memory": 10}, "memory") == 0
    assert stranded(found, {"cpu": 1, "memory": 10}, "cpu") == 1


def test_too_large_is_what_an_empty_node_could_not_hold_beside_its_daemon_pods() -> None:
    full = node("a", cpu=9)
    full.add(pod("d", cpu=2))
    full.add(pod(cpu=7))
    fleet = Fleet([full, node("b", disk="ssd", cpu=20)])
    assert full.empty == {"cpu": 7}
    assert not too_large(fleet, shape(cpu=20))
    assert too_large(fleet, shape(cpu=21))
    assert too_large(fleet, Shape({"cpu": 21}, SSD))
    only = Fleet([full])
    assert not too_large(only, shape(cpu=7))
    assert too_large(only, shape(cpu=8))
    assert not too_large(only, Shape({"cpu": 8}, SSD)), "no node admits it, however large"


AMOUNTS = st.fixed_dictionaries(
    {"cpu": st.integers(0, 9), "pods": st.integers(0, 4)},
    optional={"memory": st.integers(0, 9), VOLUMES: st.integers(0, 3)},
)


@given(free=AMOUNTS, asks=AMOUNTS)
def test_the_quick_count_is_the_least_of_all_dimensions(free: dict[str, int], asks: dict[str, int]) -> None:
    assert count_in(free, asks) == min(bots_in(free, asks).values(), default=0)


NODES = st.lists(st.tuples(st.sampled_from(["ssd", "hdd"]), st.integers(0, 12), st.integers(0, 5)), max_size=5)
WANTED = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=12)


@given(nodes=NODES, wanted=WANTED)
def test_placing_equal_ones_together_is_placing_them_one_by_one(nodes: Any, wanted: Any) -> None:
    fleet = Fleet([node(f"n{at}", disk, cpu=cpu, pods=pods) for at, (disk, cpu, pods) in enumerate(nodes)])
    ordered = sorted(shape_of for shape_of in wanted)
    kinds = alike(Shape({"cpu": cpu, "pods": 1}, SSD if picky else ANYWHERE) for picky, cpu in ordered)
    left = [list(one) for one in nodes]
    homeless = 0
    for picky, cpu in ordered:
        for one in left:
            if (one[0] == "ssd" or not picky) and fits({"cpu": one[1], "pods": one[2]}, {"cpu": cpu, "pods": 1}):
                one[1:] = one[1] - cpu, one[2] - 1
                break
        else:
            homeless += 1
    before = places(fleet, shape(cpu=1, pods=1))
    copy = fleet.copy()
    assert sum(count for _, count in place(kinds, copy)) == homeless
    assert [[one.free["cpu"], one.free["pods"]] for one in copy.nodes] == [one[1:] for one in left]
    assert places(fleet, shape(cpu=1, pods=1)) == before, "a copy is filled without changing the fleet"
