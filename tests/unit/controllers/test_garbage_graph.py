"""What owner references say must happen."""

from __future__ import annotations

from typing import Any

from btcwatcher_local.client.resources import PODS
from btcwatcher_local.controllers.garbage.graph import Graph, Node, blocking, judge


def made(uid: str, *owners: str, block: bool = False, **metadata: Any) -> Node:
    refs = [{"uid": owner, "kind": "X", "name": owner, "blockOwnerDeletion": block} for owner in owners]
    return Node(PODS, {"metadata": {"uid": uid, "name": uid, "ownerReferences": refs, **metadata}})


def test_goes_when_its_only_owner_is_gone() -> None:
    verdict = judge(made("a", "o"), {"o"}, set(), has_dependents=False)
    assert (verdict.delete, verdict.propagation) == (True, "Background")


def test_stays_while_an_owner_is_left_and_loses_the_other_reference() -> None:
    verdict = judge(made("a", "gone", "here"), {"gone"}, set(), has_dependents=False)
    assert not verdict.delete
    assert verdict.drop == {"gone"}


def test_nothing_to_do_with_all_owners_or_none() -> None:
    assert not judge(made("a", "o"), set(), set(), has_dependents=False).delete
    assert not judge(made("a"), set(), set(), has_dependents=True).delete


def test_foreground_goes_down_the_tree() -> None:
    assert judge(made("a", "o"), set(), {"o"}, has_dependents=True).propagation == "Foreground"
    assert judge(made("a", "o"), set(), {"o"}, has_dependents=False).propagation == "Background"


def test_own_finalizers_decide_the_way() -> None:
    orphaning = made("a", "o", finalizers=["orphan"])
    assert judge(orphaning, {"o"}, set(), has_dependents=True).propagation == "Orphan"


def test_one_already_going_is_left_alone() -> None:
    going = made("a", "o", deletionTimestamp="2026-01-01T00:00:00Z")
    assert not judge(going, {"o"}, set(), has_dependents=False).delete


def test_graph_follows_changed_references() -> None:
    graph = Graph()
    graph.put(made("a", "o1"))
    graph.put(made("a", "o2"))
    assert graph.dependents("o1") == []
    assert [node.uid for node in graph.dependents("o2")] == ["a"]
    graph.remove("a")
    assert graph.dependents("o2") == []


def test_only_blocking_references_hold_an_owner() -> None:
    dependents = [made("a", "o", block=True), made("b", "o")]
    assert [node.uid for node in blocking(dependents, "o")] == ["a"]
