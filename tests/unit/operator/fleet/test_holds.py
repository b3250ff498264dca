"""Whom a fleet switch holds, to what, and when it no longer does."""

from typing import Any

import pytest

from btcwatcher_crds.selecting import Facts
from btcwatcher_crds.strategy import State, Strategy
from btcwatcher_operator.fleet.book import SwitchBook, held_to
from btcwatcher_operator.fleet.known import parse

EMA = Facts("desk", "ema", {"team": "a"}, "DryRun", "binance")
OTHER = Facts("swing", "rsi", {}, "Live", "okx")


def switch(
    name: str = "halt",
    action: str = "PauseEntries",
    namespace: str = "",
    made: str = "2026-11-28T10:00:00Z",
    version: int = 1,
    status: Any = None,
    **spec: Any,
) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), "creationTimestamp": made}
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "FleetSwitch" if namespace else "ClusterFleetSwitch",
        "metadata": {**metadata, **({"namespace": namespace} if namespace else {})},
        "spec": {"action": action, **spec},
        "status": status or {},
    }


def book(*switches: dict[str, Any]) -> SwitchBook:
    made = SwitchBook()
    for one in switches:
        made.put(one)
    return made


def state(held: SwitchBook, facts: Facts = EMA) -> State | None:
    hold = held.hold(facts)
    return hold.state if hold else None


def strategy(wanted: str) -> Strategy:
    spec = {"strategyName": "Ema", "exchange": {"name": "binance", "pairs": ["BTC/USDT"]}, "timeframe": "5m"}
    return Strategy.model_validate(
        {"metadata": {"name": "ema", "namespace": "desk"}, "spec": {**spec, "state": wanted}}
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"namespaces": ["desk"]},
        {"strategies": ["ema"]},
        {"modes": ["DryRun"]},
        {"exchanges": ["binance", "kraken"]},
        {"selector": {"matchLabels": {"team": "a"}}},
        {"selector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}},
        {"namespaces": ["desk", "swing"], "selector": {"matchLabels": {"team": "a"}}},
    ],
)
def test_every_way_to_select_takes_one_and_not_the_other(spec: dict[str, Any]) -> None:
    held = book(switch(**spec))
    assert state(held) is State.PAUSED
    assert state(held, OTHER) is None


def test_a_switch_of_the_cluster_without_a_selection_takes_all_and_one_of_a_namespace_its_own() -> None:
    assert state(book(switch()), OTHER) is State.PAUSED
    own = book(switch(namespace="desk"))
    assert state(own) is State.PAUSED
    assert state(own, OTHER) is None, "a team reaches its own bots only"


@pytest.mark.parametrize(
    ("spec", "switches", "effective"),
    [
        ("Running", ["PauseEntries"], "Paused"),
        ("Running", ["CloseTrades"], "Paused"),
        ("Running", ["PauseEntries", "Stop"], "Suspended"),
        ("Paused", ["PauseEntries"], "Paused"),
        ("Suspended", ["PauseEntries"], "Suspended"),
        ("Suspended", ["CloseTrades"], "Suspended"),
        ("Paused", ["Stop"], "Suspended"),
        ("Running", [], "Running"),
    ],
)
def test_the_stricter_of_spec_and_switches_holds(spec: str, switches: list[str], effective: str) -> None:
    held = book(*(switch(f"s{number}", action) for number, action in enumerate(switches)))
    assert held_to(strategy(spec), held.hold(EMA)).spec.state.value == effective


def test_a_dry_run_holds_nobody() -> None:
    assert state(book(switch(dryRun=True))) is None


def test_deleted_it_lets_go_and_the_next_strictest_holds() -> None:
    stop, pause = switch("stop", "Stop"), switch("pause")
    held = book(stop, pause)
    assert state(held) is State.SUSPENDED
    assert held.remove(stop)
    assert state(held) is State.PAUSED
    assert not held.remove(stop), "told of twice"


def test_what_a_resume_lifted_is_lifted_for_those_only() -> None:
    lifted = {"lifted": [{"by": "clusterfleetswitch/go#1", "strategies": ["ema"]}]}
    held = book(switch(status=lifted))
    assert state(held) is None
    assert state(held, OTHER) is State.PAUSED
    (known,) = held
    assert not known.lifted_whole


@pytest.mark.parametrize(
    ("reach", "by", "whole"),
    [
        ({}, {}, True),
        ({"namespaces": ["desk"]}, {}, True),
        ({"namespaces": ["desk"]}, {"namespaces": ["desk", "swing"]}, True),
        ({}, {"namespaces": ["desk"]}, False),
        ({"selector": {"matchLabels": {"a": "b"}}}, {"selector": {"matchLabels": {"a": "b"}}}, True),
        ({"modes": ["Live"]}, {"exchanges": ["binance"]}, False),
    ],
)
def test_a_switch_is_lifted_whole_by_a_selection_that_covers_its_own(
    reach: dict[str, Any], by: dict[str, Any], whole: bool
) -> None:
    (known,) = book(switch(**reach, status={"lifted": [{"by": "x", **by}]}))
    assert known.lifted_whole is whole


def resumes(resume: dict[str, Any], older: dict[str, Any]) -> bool:
    known = {one.parsed.metadata.name: one for one in book(resume, older)}
    return known["go"].lifts(known["halt"])


def test_a_resume_lifts_what_is_older_and_within_its_reach() -> None:
    later = "2026-11-28T10:00:01Z"
    go = switch("go", "Resume", made=later)
    assert resumes(go, switch())
    assert resumes(go, switch(namespace="desk"))
    assert not resumes(go, switch(made=later)), "of two of the same second nobody knows which was first"
    assert not resumes(go, switch(made="2026-11-28T10:00:02Z"))
    assert not resumes(switch("go", "Resume", made=later, dryRun=True), switch())
    assert not resumes(switch("go", "Resume", "desk", later), switch()), "a team lifts nothing of the cluster's"
    assert resumes(switch("go", "Resume", "desk", later), switch(namespace="desk"))
    assert not resumes(switch("go", "Resume", "desk", later), switch(namespace="swing"))


def test_only_what_changes_whom_it_holds_wakes_anybody() -> None:
    held = SwitchBook()
    assert held.put(switch(version=1))
    assert not held.put(switch(version=2, status={"counts": {"done": 3}})), "progress"
    assert held.put(switch(version=3, status={"lifted": [{"by": "x"}]}))
    assert not held.put(switch(version=2)), "an older one"
    assert held.replace([], "9", "ClusterFleetSwitch", None), "a list repairs what a watch lost"
    assert len(held) == 0


def test_one_that_cannot_be_read_goes_on_as_it_was() -> None:
    held = book(switch())
    assert not held.put(switch(version=2, action="Dance"))
    assert state(held) is State.PAUSED


ON_LOSS = {"amount": "500", "currency": "USDT"}


def test_one_that_waits_for_its_loss_holds_nobody_until_then() -> None:
    held = book(switch(onLoss=ON_LOSS))
    assert state(held) is None
    tripped = {"trippedAt": "2026-11-28T11:00:00Z"}
    assert held.put(switch(onLoss=ON_LOSS, version=2, status=tripped)), "whom it holds is to be looked at"
    assert state(held) is State.PAUSED


def test_a_count_of_the_loss_changes_nothing_for_anybody() -> None:
    held = book(switch(onLoss=ON_LOSS))
    assert not held.put(switch(onLoss=ON_LOSS, version=2, status={"loss": {"amount": "12.5"}}))


def test_a_resume_leaves_what_still_waits_for_its_loss() -> None:
    waits, resume = parse(switch(onLoss=ON_LOSS)), parse(switch("go", "Resume", made="2026-11-28T11:00:00Z"))
    assert not resume.lifts(waits)
    assert resume.lifts(parse(switch(onLoss=ON_LOSS, status={"trippedAt": "2026-11-28T10:30:00Z"})))
