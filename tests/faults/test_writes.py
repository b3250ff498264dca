"""A fault at each write of a reconcile: afterwards all is as it should be, for a bounded number of writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.faultproxy import Rule
from support.faults import ANSWERS, kill
from support.world import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.faultproxy import Fault, Seen
    from support.world import World

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

CREATION = (
    "patch strategies/X/status",
    "create secrets/X-access",
    "create secrets/X-REVISION",
    "create persistentvolumeclaims/X-data",
    "create services/X",
    "create statefulsets/X",
    "create ingresses/X",
)
"""Every write of a new Strategy's reconcile, in order."""

CHANGE = (
    "create secrets/X-REVISION",
    "patch statefulsets/X (hand over)",
    "patch statefulsets/X",
    "delete secrets/X-REVISION",
    "delete ingresses/X",
    "patch strategies/X/status",
)
"""Every write of the reconcile of a Strategy that has another timeframe and is exposed no longer."""

CHANGED = {"timeframe": "15m", "expose": {"enabled": False}}

FURTHER_WRITES = 3
"""What a fault may cost: the same write again; where its outcome was lost, a refusal and an apply in its place."""


def word(seen: Seen, name: str) -> str:
    return re.sub(r"-[0-9a-f]{10}$", "-REVISION", seen.word.replace(f"/{name}", "/X"))


def written(world: World, name: str) -> list[str]:
    return [word(one, name) for one in world.writes(name)]


def brought_about(world: World, name: str, action: str, point: str, fault: Fault) -> None:
    """Makes the Strategy, or makes and changes it, with a fault at one write; then sees what must hold."""
    budget = len(CREATION)
    if action == "change":
        world.make(name)
        world.converged(name)
        quiet(lambda: written(world, name), budget)
        budget += len(CHANGE)
    rule = world.proxy.arm(Rule(lambda seen: seen.write and word(seen, name) == point, fault))
    if action == "change":
        world.change(name, CHANGED)
    else:
        world.make(name)
    assert rule.struck.wait(20), f"never came: {point}; came: {written(world, name)}"
    world.converged(name)
    quiet(lambda: written(world, name), budget + FURTHER_WRITES)


POINTS = [("create", point) for point in CREATION] + [("change", point) for point in CHANGE]


def test_without_a_fault_there_are_just_these_writes(settled: World, new_name: Callable[[], str]) -> None:
    name = new_name()
    settled.make(name)
    settled.converged(name)
    quiet(lambda: written(settled, name), len(CREATION))
    assert written(settled, name) == list(CREATION)
    settled.change(name, CHANGED)
    settled.converged(name)
    quiet(lambda: written(settled, name), len(CREATION + CHANGE))
    assert written(settled, name) == [*CREATION, *CHANGE]


@pytest.mark.parametrize(("action", "point"), POINTS)
def test_killed_after_a_write(settled: World, new_name: Callable[[], str], action: str, point: str) -> None:
    """The server is left as by a kill before the next write: every point between two writes is here."""
    before = settled.operator.starts
    brought_about(settled, new_name(), action, point, kill(lambda: settled.operator.pid, after=True))
    assert settled.operator.starts == before + 1


@pytest.mark.full
@pytest.mark.parametrize(("action", "point"), POINTS)
def test_killed_before_a_write(settled: World, new_name: Callable[[], str], action: str, point: str) -> None:
    before = settled.operator.starts
    brought_about(settled, new_name(), action, point, kill(lambda: settled.operator.pid, after=False))
    assert settled.operator.starts == before + 1


def _product() -> list[pytest.param]:  # type: ignore[valid-type]
    """Every fault at every write; without --all-faults every fault once, each at another kind of write."""
    cases = []
    for number, fault in enumerate(ANSWERS):
        for position, (action, point) in enumerate(POINTS):
            # Neighbours in the list of faults are alike: they go to different writes.
            marks = [] if position == number * 4 % len(POINTS) else [pytest.mark.full]
            cases.append(pytest.param(fault, action, point, marks=marks))
    return cases


@pytest.mark.parametrize(("fault", "action", "point"), _product())
def test_a_write_that_fails(settled: World, new_name: Callable[[], str], fault: str, action: str, point: str) -> None:
    before = settled.operator.starts
    brought_about(settled, new_name(), action, point, ANSWERS[fault])
    assert settled.operator.starts == before, "no answer to a write ends the operator"


def test_retry_after_is_honoured(settled: World, new_name: Callable[[], str]) -> None:
    name = new_name()
    settled.proxy.arm(Rule(lambda seen: word(seen, name) == "create services/X", ANSWERS["429"]))
    settled.make(name)
    settled.converged(name)
    first, second = [one.at for one in settled.writes(name) if one.plural == "services"]
    assert second - first >= 1
