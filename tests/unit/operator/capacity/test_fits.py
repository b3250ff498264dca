"""Which nodes admit which pods."""

from typing import Any

import pytest

from btcwatcher_operator.capacity.fits import Door, Placement, admits, door, placement
from support.nodes import node

Object = dict[str, Any]

LABELS = {"disk": "ssd", "generation": "12", "odd": "1_2", "empty": ""}
OPEN = door(node("n1", labels=LABELS))


def tainted(key: str, value: str, effect: str) -> Door:
    return door(node("n1", taints=[{"key": key, "value": value, "effect": effect}]))


def tolerating(**toleration: str) -> Placement:
    return placement({"tolerations": [toleration]})


def required(*terms: Object) -> Placement:
    needed = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return placement({"affinity": {"nodeAffinity": needed}})


def expression(key: str, operator: str, *values: str) -> Object:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "no", "effect": "NoSchedule"}, False),
        ({"key": "gpu", "effect": "NoSchedule"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "cpu", "operator": "Exists"}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "operator": "Gt", "value": "yes"}, False),
    ],
)
def test_tolerations(toleration: dict[str, str], tolerated: bool) -> None:
    assert admits(tainted("gpu", "yes", "NoSchedule"), tolerating(**toleration)) is tolerated


def test_a_taint_without_a_value_is_tolerated_by_an_empty_one() -> None:
    assert admits(tainted("gpu", "", "NoSchedule"), tolerating(key="gpu"))


def test_every_taint_wants_a_toleration_but_soft_ones() -> None:
    taints = [{"key": key, "value": "", "effect": effect} for key, effect in (("a", "NoSchedule"), ("b", "NoExecute"))]
    both = door(node("n1", taints=[*taints, {"key": "c", "value": "", "effect": "PreferNoSchedule"}]))
    assert not admits(both, tolerating(key="a", operator="Exists"))
    assert admits(both, placement({"tolerations": [{"key": "a"}, {"key": "b"}]}))


def test_a_cordoned_node_is_a_tainted_one() -> None:
    cordoned = door(node("n1", unschedulable=True))
    assert not admits(cordoned, Placement())
    assert admits(cordoned, tolerating(key="node.kubernetes.io/unschedulable", operator="Exists"))


def test_a_node_that_is_not_ready_admits_nobody() -> None:
    assert not admits(door(node("n1", ready=False)), tolerating(operator="Exists"))


def test_selectors() -> None:
    assert admits(OPEN, placement({"nodeSelector": {"disk": "ssd", "empty": ""}}))
    assert not admits(OPEN, placement({"nodeSelector": {"disk": "ssd", "zone": "a"}}))
    assert not admits(OPEN, placement({"nodeSelector": {"absent": ""}}))


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        (expression("disk", "In", "hdd", "ssd"), True),
        (expression("disk", "In", "hdd"), False),
        (expression("zone", "In", "a"), False),
        (expression("disk", "NotIn", "hdd"), True),
        (expression("disk", "NotIn", "hdd", "ssd"), False),
        (expression("zone", "NotIn", "a"), True),
        (expression("empty", "Exists"), True),
        (expression("zone", "Exists"), False),
        (expression("zone", "DoesNotExist"), True),
        (expression("empty", "DoesNotExist"), False),
        (expression("generation", "Gt", "9"), True),
        (expression("generation", "Gt", "12"), False),
        (expression("generation", "Lt", "13"), True),
        (expression("generation", "Lt", "12"), False),
        (expression("generation", "Lt", "-1"), False),
        (expression("zone", "Gt", "0"), False),
        (expression("zone", "Lt", "9"), False),
        (expression("disk", "Gt", "0"), False),
        (expression("empty", "Gt", "0"), False),
        (expression("odd", "Gt", "0"), False),
        (expression("generation", "Gt", "much"), False),
        (expression("generation", "Gt"), False),
        (expression("generation", "Within", "12"), False),
    ],
)
def test_expressions(said: Object, holds: bool) -> None:
    assert admits(OPEN, required({"matchExpressions": [said]})) is holds


def test_fields_are_the_nodes_name_alone() -> None:
    assert admits(OPEN, required({"matchFields": [expression("metadata.name", "In", "n1")]}))
    assert not admits(OPEN, required({"matchFields": [expression("metadata.name", "NotIn", "n1")]}))
    assert not admits(OPEN, required({"matchFields": [expression("disk", "In", "ssd")]}))


def test_all_of_a_term_must_hold_and_one_of_the_terms() -> None:
    yes, no = expression("disk", "In", "ssd"), expression("disk", "In", "hdd")
    here, there = (expression("metadata.name", "In", name) for name in ("n1", "n2"))
    assert not admits(OPEN, required({"matchExpressions": [yes, no]}))
    assert not admits(OPEN, required({"matchExpressions": [yes], "matchFields": [there]}))
    assert admits(OPEN, required({"matchExpressions": [yes], "matchFields": [here]}))
    assert admits(OPEN, required({"matchExpressions": [no]}, {"matchExpressions": [yes]}))


def test_an_empty_term_holds_nowhere() -> None:
    assert not admits(OPEN, required({}))
    assert not admits(OPEN, required())
    assert admits(OPEN, required({}, {"matchFields": [expression("metadata.name", "In", "n1")]}))


def test_what_is_preferred_keeps_nobody_out() -> None:
    soft = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}]}
    assert placement({"affinity": {"nodeAffinity": soft}}) == Placement()


def test_the_order_in_which_it_is_said_makes_no_other_placement() -> None:
    one, other = {"key": "a", "operator": "Exists"}, {"key": "b", "value": "x"}
    assert placement({"tolerations": [one, other], "nodeSelector": {"x": "1", "y": "2"}}) == placement(
        {"tolerations": [other, one], "nodeSelector": {"y": "2", "x": "1"}}
    )
