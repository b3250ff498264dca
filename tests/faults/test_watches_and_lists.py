"""Watches that break and lists that fail: what happened meanwhile is not missed, and nothing is written twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from support.faultproxy import Rule, Seen
from support.faults import ANSWERS, WATCHES
from support.world import KINDS as KINDS_OF_CHILDREN
from support.world import STRATEGIES, until_empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.faultproxy import Exchange, Fault
    from support.world import World

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

CREATED = 7
"""Writes of a new Strategy."""

FURTHER_WRITES = 3
"""What it may cost that the cache was behind: a child that is there already is made and applied once more."""

KINDS = ("strategies", "statefulsets", "services", "secrets", "persistentvolumeclaims", "ingresses", "pods")


def _full(*values: str) -> list[pytest.param]:  # type: ignore[valid-type]
    return [pytest.param(value, marks=pytest.mark.full) for value in values]


def _each_fault_once(faults: dict[str, Fault]) -> list[pytest.param]:  # type: ignore[valid-type]
    """Every fault of every kind; without --all-faults every fault once, each of another kind."""
    return [
        pytest.param(fault, kind, marks=[] if place == number % len(KINDS) else [pytest.mark.full])
        for number, fault in enumerate(faults)
        for place, kind in enumerate(KINDS)
    ]


def watches_break(world: World, plural: str | None, fault: Fault, times: int) -> Rule:
    """The open watches end, and the next ones of this kind (None: of every kind) go wrong."""
    many = times if plural else times * len(KINDS)
    rule = world.proxy.arm(Rule(lambda seen: seen.verb == "watch" and plural in (None, seen.plural), fault, times=many))
    world.proxy.break_watches()
    return rule


@pytest.mark.parametrize(("fault", "plural"), _each_fault_once(WATCHES))
def test_a_watch_that_breaks(settled: World, new_name: Callable[[], str], fault: str, plural: str) -> None:
    """A new Strategy and a deleted child are seen, whichever watch is broken."""
    old, new = new_name(), new_name()
    settled.make(old)
    settled.converged(old)
    settled.proxy.forget()
    rule = watches_break(settled, plural, WATCHES[fault], times=1 if fault == "half-open" else 3)
    assert rule.struck.wait(20)
    settled.make(new)
    settled.delete_child("Service", old)
    settled.converged(new)
    settled.converged(old)
    time.sleep(0.3)
    assert len(settled.writes(new)) <= CREATED + FURTHER_WRITES, [one.word for one in settled.writes(new)]
    assert [one.word for one in settled.writes(old)] == [f"create services/{old}"]


def _port_of_a_new_one(world: World, name: str) -> int:
    world.make(name)
    world.converged(name)
    port: int = (world.strategy(name) or {})["status"]["port"]
    return port


@pytest.mark.parametrize(
    "fault", ["410", *(pytest.param(one, marks=pytest.mark.full) for one in ("410 event", "EOF", "half-open"))]
)
def test_deletions_while_every_watch_is_broken(settled: World, new_name: Callable[[], str], fault: str) -> None:
    """No event ever tells of them: the only Strategy of all is gone, and of another one a child."""
    kept, gone = new_name(), new_name()
    for name in (kept, gone):
        settled.make(name)
        settled.converged(name)
    freed = (settled.strategy(gone) or {})["status"]["port"]
    rule = watches_break(settled, None, WATCHES[fault], times=1)
    assert rule.struck.wait(20)
    settled.delete(gone)
    for kind, name in settled.children(gone):
        # As the garbage collector does.
        settled.delete_child(kind, name)
    settled.delete_child("StatefulSet", kept)
    settled.converged(kept)
    until_empty(lambda: settled.children(gone), "nothing is made again", 5, settled.operator.log)
    # Its port is free again once the operator has listed what no event told of: a new Strategy has it then.
    deadline = time.monotonic() + 20
    while _port_of_a_new_one(settled, new_name()) > freed:
        assert time.monotonic() < deadline, "the port is given out again"
    assert settled.children(gone) == {}


@pytest.mark.parametrize(("fault", "plural"), _each_fault_once(ANSWERS))
@pytest.mark.parametrize("whose", ["the operator's", pytest.param("kopf's", marks=pytest.mark.full)])
def test_a_list_that_fails_at_a_start(
    settled: World, new_name: Callable[[], str], fault: str, plural: str, whose: str
) -> None:
    """The operator starts all the same, does not write before it has seen all, and writes nothing needless."""
    old, new = new_name(), new_name()
    settled.make(old)
    settled.converged(old)

    def listed(seen: Seen) -> bool:
        return seen.verb == "list" and seen.plural == plural and ("kopf" in seen.client) == (whose == "kopf's")

    rule = settled.proxy.arm(Rule(listed, ANSWERS[fault]))
    settled.proxy.forget()
    settled.operator.kill()
    settled.make(new)
    assert rule.struck.wait(20)
    settled.converged(new)
    settled.converged(old)
    time.sleep(0.3)
    assert len(settled.writes(new)) <= CREATED + FURTHER_WRITES, [one.word for one in settled.writes(new)]
    assert settled.writes(old) == []


@pytest.mark.parametrize(
    "stale", ["strategies", *(pytest.param(one, marks=pytest.mark.full) for one in ("children", "everything"))]
)
def test_a_stale_list_after_a_restart(settled: World, new_name: Callable[[], str], stale: str) -> None:
    """What an API server that lags behind lists is not acted on: nothing deleted or changed comes back."""
    gone, kept = new_name(), new_name()
    for name in (gone, kept):
        settled.make(name)
        settled.converged(name)
    children = {plural for _, plural in KINDS_OF_CHILDREN.values()}
    plurals = {"strategies": {"strategies"}, "children": children, "everything": {"strategies", *children}}[stale]
    old = lists_as_they_are(settled, plurals)
    settled.delete(gone)
    for kind, name in settled.children(gone):
        settled.delete_child(kind, name)
    settled.change(kept, {"timeframe": "1h"})
    settled.converged(kept)
    before = contents(settled, kept)
    settled.proxy.forget()

    def listed(seen: Seen) -> bool:
        return seen.verb == "list" and seen.plural in plurals and "kopf" not in seen.client

    rule = settled.proxy.arm(Rule(listed, old, times=len(plurals)))
    settled.operator.kill()
    assert rule.struck.wait(20)
    new = new_name()
    settled.make(new)
    settled.converged(new)
    settled.converged(kept)
    time.sleep(1)
    assert settled.children(gone) == {}
    assert settled.strategy(gone) is None
    # Where the cache lacks what is there, it is applied once more, which changes nothing.
    assert contents(settled, kept) == before
    assert len(settled.writes(kept)) <= CREATED


def test_times_of_a_clock_that_was_wrong(settled: World, new_name: Callable[[], str]) -> None:
    """Whoever wrote last lived in the year 2099: no time that was written decides anything."""
    old, new = new_name(), new_name()
    settled.make(old)
    settled.converged(old)
    conditions = (settled.strategy(old) or {})["status"]["conditions"]
    for condition in conditions:
        condition["lastTransitionTime"] = "2099-01-01T00:00:00Z"
    path = f"/{STRATEGIES}/namespaces/{settled.namespace}/strategies/{old}/status"
    patch = "application/merge-patch+json"
    settled.server.ok("PATCH", path, {"status": {"conditions": conditions}}, content_type=patch)
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{settled.namespace}/leases/btcwatcher-operator"
    settled.operator.kill()
    times = {"renewTime": "2099-01-01T00:00:00.000000Z", "acquireTime": "2099-01-01T00:00:00.000000Z"}
    settled.server.ok("PATCH", lease, {"spec": times}, content_type=patch)
    settled.proxy.forget()
    settled.make(new)
    settled.converged(new)
    settled.converged(old)
    assert settled.writes(old) == []


def contents(world: World, name: str) -> dict[tuple[str, str], object]:
    """What of the Strategy's children a bot would feel a change of."""
    return {
        key: (child["metadata"]["uid"], child["metadata"].get("generation"), child.get("spec"), child.get("data"))
        for key, child in world.children(name).items()
    }


def lists_as_they_are(world: World, plurals: set[str]) -> Fault:
    """Answers a LIST with what it would have been answered now."""
    groups = {plural: group for group, plural in (*KINDS_OF_CHILDREN.values(), (STRATEGIES, "strategies"))}
    bodies = {
        plural: world.server.call("GET", f"/{groups[plural]}/namespaces/{world.namespace}/{plural}").content
        for plural in plurals
    }

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return web.Response(body=bodies[exchange.seen.plural], content_type="application/json")

    return fault


@pytest.mark.parametrize("seconds", [1.0, pytest.param(12.0, marks=pytest.mark.full)])
def test_the_api_server_is_restarted(settled: World, new_name: Callable[[], str], seconds: float) -> None:
    """All connections end and new ones are refused for a while; what changed meanwhile is carried out afterwards."""
    old, new = new_name(), new_name()
    settled.make(old)
    settled.converged(old)
    settled.proxy.forget()
    settled.proxy.refuse()
    settled.make(new)
    settled.delete_child("Secret", f"{old}-access")
    time.sleep(seconds)
    settled.proxy.serve()
    settled.converged(new)
    settled.converged(old)
    time.sleep(0.3)
    assert len(settled.writes(new)) <= CREATED + FURTHER_WRITES, [one.word for one in settled.writes(new)]
    assert [one.word for one in settled.writes(old)] == [f"create secrets/{old}-access"]
