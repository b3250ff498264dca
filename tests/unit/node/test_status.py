"""A pod's status in the kubelet's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_local.node.model import ContainerRecord, Running, Terminated, Waiting
from btcwatcher_local.node.status import Facts, build, qos_class
from btcwatcher_local.node.statuswriter import same
from support.objects import pod

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = Facts("127.0.0.1", "127.0.0.1", NOW)


def running(name: str, *, ready: bool = True, init: bool = False) -> ContainerRecord:
    return ContainerRecord(
        name, init=init, state=Running(NOW), started=True, ready=ready, container_id="local://1", image_id="local://b"
    )


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {item["type"]: (item["status"], item.get("reason")) for item in status["conditions"]}


def test_running_and_ready() -> None:
    status = build(pod(), {"main": running("main")}, FACTS, NOW)
    assert status["phase"] == "Running"
    assert conditions(status) == {
        "Initialized": ("True", None),
        "Ready": ("True", None),
        "ContainersReady": ("True", None),
        "PodScheduled": ("True", None),
    }
    assert status["podIP"] == "127.0.0.1"
    assert status["observedGeneration"] == 1
    (container,) = status["containerStatuses"]
    assert container["state"] == {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)


def test_before_the_init_container_is_done() -> None:
    wanted = pod(init=("pre",))
    records = {"pre": running("pre", init=True, ready=False), "main": ContainerRecord("main")}
    status = build(wanted, records, FACTS, NOW)
    assert status["phase"] == "Pending"
    assert conditions(status)["Initialized"] == ("False", "ContainersNotInitialized")
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    messages = {item["type"]: item.get("message") for item in status["conditions"]}
    assert messages["Initialized"] == "containers with incomplete status: [pre]"
    assert messages["Ready"] == "containers with unready status: [main]"


def test_without_init_containers_it_is_creating() -> None:
    status = build(pod(), {"main": ContainerRecord("main")}, FACTS, NOW)
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_back_off_shows_the_end_as_last_state() -> None:
    record = running("main", ready=False)
    record.started = False
    record.restart_count = 2
    record.state = Terminated(1, "Error", NOW, NOW, "why", "local://1")
    record.waiting = Waiting("CrashLoopBackOff", "back-off 10s")
    status = build(pod(), {"main": record}, FACTS, NOW)
    (container,) = status["containerStatuses"]
    assert container["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert container["lastState"]["terminated"]["message"] == "why"
    assert status["phase"] == "Running"
    assert conditions(status)["Ready"] == ("False", "ContainersNotReady")


def test_completed_pod() -> None:
    record = ContainerRecord("main", state=Terminated(0, "Completed", NOW, NOW), container_id="local://1")
    status = build(pod(restart="Never"), {"main": record}, FACTS, NOW)
    assert status["phase"] == "Succeeded"
    assert conditions(status)["Ready"] == ("False", "PodCompleted")


def test_transition_times_change_with_the_status_only() -> None:
    wanted = pod()
    wanted["status"] = {
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}]
    }
    kept = build(wanted, {"main": running("main")}, FACTS, NOW)["conditions"]
    assert {item["type"]: item["lastTransitionTime"] for item in kept}["Ready"] == "2025-01-01T00:00:00Z"
    changed = build(wanted, {"main": running("main", ready=False)}, FACTS, NOW)["conditions"]
    assert {item["type"]: item["lastTransitionTime"] for item in changed}["Ready"] == "2026-01-01T00:00:00Z"


def test_readiness_gates_are_kept_and_count() -> None:
    wanted = pod()
    wanted["spec"]["readinessGates"] = [{"conditionType": "x/y"}]
    wanted["status"] = {"conditions": [{"type": "x/y", "status": "False"}]}
    status = build(wanted, {"main": running("main")}, FACTS, NOW)
    assert conditions(status)["Ready"] == ("False", "ReadinessGatesNotReady")
    assert conditions(status)["x/y"] == ("False", None)


@pytest.mark.parametrize(
    ("resources", "qos"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_qos_class(resources: dict[str, Any], qos: str) -> None:
    assert qos_class({"containers": [{"name": "main", "resources": resources}]}) == qos


def test_same_takes_null_and_missing_for_one() -> None:
    assert same({"a": None, "b": {"c": 1}}, {"b": {"c": 1, "d": 2}})
    assert not same({"lastState": {}}, {"lastState": {"terminated": {}, "x": 1}})
    assert not same([1], [1, 2])
