"""Where a pending pod goes, and the words when it goes nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from btcwatcher_local.controllers.placement import place, pod_requests
from support.objects import pod

Obj = dict[str, Any]


def node(name: str = "n1", *, ready: bool = True, memory: str = "1Gi", pods: str = "10", **spec: Any) -> Obj:
    return {
        "metadata": {"name": name, "labels": {"disk": "ssd"}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "2", "memory": memory, "pods": pods},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def asking(memory: str = "100Mi", on: str = "") -> Obj:
    made = pod()
    made["spec"]["containers"][0]["resources"] = {"requests": {"memory": memory}}
    made["spec"]["nodeName"] = on
    return made


def test_goes_to_the_node_with_fewer_pods() -> None:
    assert place(asking(), [node("a"), node("b")], [asking(on="a")], {}).node == "b"


def test_memory_is_summed_and_the_message_is_kubernetes_own() -> None:
    placed = [asking("600Mi", on="n1")]
    assert place(asking("400Mi"), [node()], placed, {}).node == "n1"
    found = place(asking("500Mi"), [node()], placed, {})
    assert found.message == "0/1 nodes are available: 1 Insufficient memory."


def test_finished_pods_take_no_room() -> None:
    over = asking("1Gi", on="n1")
    over["status"] = {"phase": "Succeeded"}
    assert place(asking("1Gi"), [node()], [over], {}).node == "n1"


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (node(ready=False), "node(s) were not ready"),
        (node(unschedulable=True), "node(s) were unschedulable"),
        (node(pods="0"), "Too many pods"),
        (
            node(taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}]),
            "node(s) had untolerated taint {k: v}",
        ),
    ],
)
def test_refusals(candidate: Obj, reason: str) -> None:
    assert place(asking(), [candidate], [], {}).message == f"0/1 nodes are available: 1 {reason}."


def test_node_selector() -> None:
    wanted = asking()
    wanted["spec"]["nodeSelector"] = {"disk": "hdd"}
    assert "didn't match" in place(wanted, [node()], [], {}).message
    wanted["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert place(wanted, [node()], [], {}).node == "n1"


def test_toleration_opens_a_tainted_node() -> None:
    tainted = node(taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    wanted = asking()
    wanted["spec"]["tolerations"] = [{"key": "k", "operator": "Exists"}]
    assert place(wanted, [tainted], [], {}).node == "n1"


def test_claims_must_be_there_and_bound() -> None:
    wanted = asking()
    wanted["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    missing = place(wanted, [node()], [], {}).message
    assert missing == '0/1 nodes are available: persistentvolumeclaim "data" not found.'
    pending: Obj = {"metadata": {"name": "data"}, "status": {"phase": "Pending"}}
    assert "unbound" in place(wanted, [node()], [], {"data": pending}).message
    pending["status"]["phase"] = "Bound"
    assert place(wanted, [node()], [], {"data": pending}).node == "n1"


def test_no_nodes_at_all() -> None:
    assert place(asking(), [], [], {}).message == "no nodes available to schedule pods"


def test_requests_are_the_sum_or_the_greediest_init_container() -> None:
    wanted = pod(init=("a", "b"), names=("c", "d"))
    for container, memory in zip(
        [*wanted["spec"]["initContainers"], *wanted["spec"]["containers"]], ("1Gi", "3Gi", "1Gi", "1Gi"), strict=True
    ):
        container["resources"] = {"requests": {"memory": memory}}
    assert pod_requests(wanted)["memory"] == 3 * 2**30
