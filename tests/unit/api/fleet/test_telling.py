"""What is told of a fleet switch, and to whom."""

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_api.fleet.telling import channels_for, tellings
from btcwatcher_api.notifications.registry import ChannelRegistry, KnownChannel

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
AT = "2026-11-28T11:59:00Z"
LONG_AGO = "2026-11-27T11:59:00Z"


def switch(*conditions: tuple[str, str, str], namespace: str = "", started: str = AT, **status: Any) -> dict[str, Any]:
    said = [
        {"type": kind, "status": verdict, "reason": reason, "message": "words", "lastTransitionTime": started}
        for kind, verdict, reason in conditions
    ]
    return {
        "metadata": {"name": "out", "uid": "u", **({"namespace": namespace} if namespace else {})},
        "spec": {"action": "CloseTrades", "reason": "a halt", "requestedBy": "ada"},
        "status": {"startedAt": started, "counts": {"selected": 2, "closedTrades": 3}, "conditions": said, **status},
    }


def channels(*declared: tuple[str, str, dict[str, Any]]) -> list[KnownChannel]:
    registry = ChannelRegistry()
    registry.replace(
        {
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"type": "WeCom", "credentialsRef": {"name": "x"}, **spec},
        }
        for namespace, name, spec in declared
    )
    return registry.channels()


@pytest.mark.parametrize(
    ("conditions", "stages"),
    [
        ([("Active", "True", "Holds"), ("Complete", "False", "InProgress")], ["begun"]),
        ([("Active", "True", "Holds"), ("Complete", "True", "AllDone")], ["begun", "done"]),
        ([("Active", "True", "Holds"), ("Complete", "False", "Blocked")], ["begun", "blocked"]),
        ([("Active", "False", "Lifted"), ("Complete", "True", "AllDone")], ["begun", "done", "lifted"]),
    ],
)
def test_each_stage_is_told_once(conditions: list[tuple[str, str, str]], stages: list[str]) -> None:
    found = tellings(switch(*conditions, completedAt=AT), NOW)
    assert [one.stage.value for one in found] == stages
    assert len({one.fingerprint for one in found}) == len(found)


def test_it_says_who_what_how_many_and_why() -> None:
    begun, done = tellings(switch(("Complete", "True", "AllDone"), completedAt=AT), NOW)
    assert (begun.title, begun.body) == ("Fleet switch out: CloseTrades begins", "2 bots; asked for by ada: a halt")
    assert (done.title, done.body) == ("Fleet switch out: CloseTrades is done", "words; trades closed: 3, open: 0")
    assert (begun.actor, begun.action, begun.subject) == ("ada", "fleetswitch.begun", "out")


def test_one_that_began_by_itself_says_at_what_loss() -> None:
    item = switch(("Complete", "False", "InProgress"), loss={"amount": "512.3", "bots": 2}, trippedAt=AT)
    item["spec"]["onLoss"] = {"amount": "500", "currency": "USDT", "within": "24h"}
    (begun,) = tellings(item, NOW)
    assert begun.body == "2 bots; lost 512.3 USDT within 24h, the limit is 500; set by ada: a halt"


def test_nothing_is_told_of_a_dry_run_of_what_has_not_begun_and_of_long_ago() -> None:
    dry = switch(("Complete", "True", "AllDone"), completedAt=AT)
    dry["spec"]["dryRun"] = True
    assert tellings(dry, NOW) == []
    assert tellings({**switch(), "status": {}}, NOW) == []
    assert tellings(switch(("Complete", "True", "AllDone"), started=LONG_AGO, completedAt=LONG_AGO), NOW) == []


def test_channels_of_the_namespaces_that_it_reaches_are_told_and_those_that_listen_to_them() -> None:
    known = channels(
        ("desk", "own", {}),
        ("swing", "own", {}),
        ("ops", "all", {"strategies": {"namespaces": ["*"]}}),
        ("ops", "desk", {"strategies": {"namespaces": ["desk"]}}),
        ("desk", "quiet", {"priorities": ["P2"]}),
    )
    assert channels_for(switch(namespace="desk"), known) == ["desk/own", "ops/all", "ops/desk"]
    bots = [{"strategy": "swing.ema", "phase": "Done"}]
    assert channels_for(switch(bots=bots), known) == ["ops/all", "swing/own"]
