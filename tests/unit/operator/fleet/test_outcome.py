"""The status of a fleet switch from its results."""

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_crds.fleet_switch import BOTS_MAX, BotPhase, BotResult, FleetSwitchStatus
from btcwatcher_operator.fleet.known import parse
from btcwatcher_operator.fleet.outcome import status

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def built(results: list[BotResult], before: Any = None, **spec: Any) -> FleetSwitchStatus:
    switch = parse(
        {
            "apiVersion": "btcwatcher.io/v1alpha1",
            "kind": "ClusterFleetSwitch",
            "metadata": {"name": "halt", "uid": "u", "generation": 1},
            "spec": {"action": "CloseTrades", **spec},
            "status": before or {},
        }
    )
    return FleetSwitchStatus.model_validate(status(switch, {one.strategy: one for one in results}, NOW))


def result(name: str, phase: BotPhase, message: str = "", **fields: Any) -> BotResult:
    return BotResult(strategy=f"desk.{name}", phase=phase, message=message, **fields)


def said(status: FleetSwitchStatus) -> dict[str, tuple[str, str]]:
    return {one.type: (one.status.value, one.reason) for one in status.conditions}


@pytest.mark.parametrize(
    ("phases", "complete", "besides"),
    [
        ([], ("True", "NothingSelected"), {}),
        (["Done", "Done"], ("True", "AllDone"), {}),
        (["Done", "Pending"], ("False", "InProgress"), {"Reconciling": ("True", "InProgress")}),
        (["Blocked", "InProgress"], ("False", "InProgress"), {"Reconciling": ("True", "InProgress")}),
        (["Done", "Blocked"], ("False", "Blocked"), {"Stalled": ("True", "Blocked")}),
    ],
)
def test_complete_is_said_when_every_bot_is_done_and_not_before(
    phases: list[str], complete: tuple[str, str], besides: dict[str, tuple[str, str]]
) -> None:
    status = built([result(f"b{number}", BotPhase(phase)) for number, phase in enumerate(phases)])
    assert said(status) == {"Active": ("True", "Holds"), "Complete": complete, **besides}
    assert (status.completed_at is not None) is (complete[0] == "True")


def test_those_that_are_not_done_come_first_and_are_named() -> None:
    status = built(
        [
            result("a", BotPhase.DONE, open_trades=0, closed_trades=3),
            result("b", BotPhase.PENDING, "does not answer", open_trades=2, closed_trades=0),
            result("c", BotPhase.BLOCKED, "is suspended"),
        ]
    )
    assert [one.strategy for one in status.bots] == ["desk.c", "desk.b", "desk.a"]
    assert (status.counts.open_trades, status.counts.closed_trades, status.counts.selected) == (2, 3, 3)
    complete = next(one for one in status.conditions if one.type == "Complete")
    assert complete.message == "1 of 3 bots are done; not yet: desk.b: does not answer"


def test_a_fleet_larger_than_a_status_is_counted_whole() -> None:
    many = [result(f"b{number}", BotPhase.DONE) for number in range(BOTS_MAX + 5)]
    status = built([*many, result("zz", BotPhase.PENDING)])
    assert status.counts.selected == BOTS_MAX + 6
    assert len(status.bots) == BOTS_MAX
    assert status.bots[0].strategy == "desk.zz"


def test_what_holds_nobody_says_so() -> None:
    assert said(built([], dryRun=True))["Active"] == ("False", "DryRun")
    assert said(built([], action="Resume"))["Active"] == ("False", "Once")
    lifted = built([], before={"lifted": [{"by": "clusterfleetswitch/go#1"}]})
    assert said(lifted)["Active"] == ("False", "Lifted")
    assert [one.by for one in lifted.lifted] == ["clusterfleetswitch/go#1"]
    in_part = built([], before={"lifted": [{"by": "x", "namespaces": ["desk"]}]})
    assert said(in_part)["Active"] == ("True", "Holds")


def test_the_same_again_is_the_same() -> None:
    first = built([result("a", BotPhase.PENDING, "does not answer", since=NOW)])
    again = built(
        [result("a", BotPhase.PENDING, "does not answer", since=NOW)], first.model_dump(by_alias=True, mode="json")
    )
    assert again == first, "a restarted operator writes nothing"


ON_LOSS = {"amount": "500", "currency": "USDT", "within": "24h"}


def test_one_that_waits_for_its_loss_says_so_and_is_not_under_way() -> None:
    status = built([], onLoss=ON_LOSS)
    assert said(status) == {"Active": ("False", "Armed"), "Complete": ("False", "Armed")}
    assert status.started_at is None
    assert status.conditions[0].message == "holds nobody; begins at a loss of 500 USDT within 24h"


def test_one_that_has_reached_it_is_like_any_other() -> None:
    status = built([result("a", BotPhase.DONE)], {"trippedAt": "2026-11-28T11:59:58Z"}, onLoss=ON_LOSS)
    assert said(status) == {"Active": ("True", "Holds"), "Complete": ("True", "AllDone")}
    assert status.started_at == NOW
