"""A fault at each write of what a namespace's bots share: both are there or gone afterwards, for few further writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from btcwatcher_crds import names
from btcwatcher_operator.children.shared import shared_children
from btcwatcher_operator.drift import differences, stamped
from btcwatcher_operator.platform import Shared
from support.faultproxy import Rule
from support.faults import ANSWERS, kill
from support.kubectl import until
from support.shared_objects import NETWORK, PLACES, place
from support.world import quiet, until_empty

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from support.faultproxy import Fault
    from support.world import World

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

CREATION = (f"create serviceaccounts/{names.SHARED_NAME}", f"create networkpolicies/{names.SHARED_NAME}")
REMOVAL = (f"delete serviceaccounts/{names.SHARED_NAME}", f"delete networkpolicies/{names.SHARED_NAME}")
FURTHER_WRITES = 3
"""As tests/faults/test_writes.py has it."""
OFTEN = (("503 done", CREATION[0]), ("EOF after", REMOVAL[1]))
"""What `make test` tries too."""


def live(world: World) -> dict[str, dict[str, Any]]:
    found = {kind: world.server.call("GET", place(kind, world.namespace)) for kind in PLACES}
    return {kind: answer.json() for kind, answer in found.items() if answer.status_code == 200}


def missing(world: World) -> str:
    """What is not as it should be while there is a Strategy; empty when all is."""
    there = live(world)
    for child in shared_children(world.namespace, Shared(network=NETWORK)):
        if child["kind"] not in there:
            return f"no {child['kind']}"
        wanted = {key: value for key, value in stamped(child).items() if key != "spec"}
        different = list(differences(wanted, there[child["kind"]]))
        if different or child.get("spec") != there[child["kind"]].get("spec"):
            return f"{child['kind']}: {different}"
    return ""


def written(world: World) -> list[str]:
    return [one.word for one in world.writes() if one.name == names.SHARED_NAME]


def about_them(world: World) -> list[str]:
    """Whatever the operator asked of them, watches and the lists that they begin with aside."""
    plurals = ("serviceaccounts", "networkpolicies")
    return [one.word for one in world.proxy.requests() if one.plural in plurals and one.verb not in ("watch", "list")]


def emptied(world: World) -> None:
    """No Strategy, and nothing that one needs."""
    for strategy in world.strategies():
        world.delete(strategy["metadata"]["name"])
    until_empty(lambda: live(world), "both are gone", 60, world.operator.log)
    quiet(lambda: written(world), len(written(world)))
    world.proxy.forget()


def brought_about(world: World, name: str, point: str, fault: Fault) -> None:
    emptied(world)
    removal = point in REMOVAL
    if removal:
        world.make(name)
        world.converged(name)
        world.proxy.forget()
    rule = world.proxy.arm(Rule(lambda seen: seen.write and seen.word == point, fault))
    if removal:
        world.delete(name)
    else:
        world.make(name)
    until(rule.struck.is_set, f"it comes: {point}", 30)
    if removal:
        until_empty(lambda: live(world), "both are gone", 60, world.operator.log)
    else:
        world.converged(name)
        until_empty(lambda: missing(world), "both are as they should be", 60, world.operator.log)
    quiet(lambda: written(world), 2 + FURTHER_WRITES)


def test_without_a_fault_there_are_just_these_writes(settled: World, new_name: Callable[[], str]) -> None:
    emptied(settled)
    first, second = new_name(), new_name()
    settled.make(first)
    settled.converged(first)
    asked = about_them(settled)
    settled.make(second)
    settled.converged(second)
    assert about_them(settled) == asked, "the cache knows what the second one needs"
    assert missing(settled) == ""
    # One write for whatever is edited by hand.
    policy = place("NetworkPolicy", settled.namespace)
    settled.server.ok("PATCH", policy, {"spec": {"egress": [{}]}}, content_type="application/merge-patch+json")
    until_empty(lambda: missing(settled), "put back", 30, settled.operator.log)
    settled.delete(first)
    settled.delete(second)
    until_empty(lambda: live(settled), "both are gone", 30, settled.operator.log)
    assert written(settled) == [*CREATION, f"patch networkpolicies/{names.SHARED_NAME}", *REMOVAL]


@pytest.mark.parametrize("point", [*CREATION, REMOVAL[0], pytest.param(REMOVAL[1], marks=pytest.mark.full)])
def test_killed_after_a_write(settled: World, new_name: Callable[[], str], point: str) -> None:
    brought_about(settled, new_name(), point, kill(lambda: settled.operator.pid, after=True))


@pytest.mark.parametrize(
    ("fault", "point"),
    [
        pytest.param(fault, point, marks=[] if (fault, point) in OFTEN else [pytest.mark.full])
        for fault in ANSWERS
        for point in (*CREATION, *REMOVAL)
    ],
)
def test_a_write_that_fails(settled: World, new_name: Callable[[], str], fault: str, point: str) -> None:
    before = settled.operator.starts
    brought_about(settled, new_name(), point, ANSWERS[fault])
    assert settled.operator.starts == before, "no answer to a write ends the operator"
