"""What a ReplicaSet needs next, and what it shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_local.controllers.replicaset.decide import decide, status
from support.objects import deployment, set_member

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def replica_set(replicas: int = 2, **spec: Any) -> dict[str, Any]:
    made = deployment(replicas=replicas, **spec)
    made["metadata"] |= {"name": "web-x", "uid": "rs-x"}
    return made


def names(pods: list[dict[str, Any]]) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods]


def test_missing_pods_are_made_once_however_late_the_cache_is() -> None:
    wanted = replica_set(3)
    first = decide(wanted, []).create
    assert len(set(names(first))) == 3
    assert names(decide(wanted, []).create) == names(first)
    seen = set_member(0, wanted, name=first[0]["metadata"]["name"])
    assert names(decide(wanted, [seen]).create) == names(first)[1:]
    assert first[0]["metadata"]["ownerReferences"][0]["uid"] == "rs-x"
    assert first[0]["metadata"]["labels"] == {"app": "web"}


def test_what_is_over_or_going_is_replaced_at_once() -> None:
    wanted = replica_set(2)
    going = set_member(0, wanted, deletionTimestamp="2026-01-01T00:00:30Z")
    evicted = set_member(1, wanted, phase="Failed")
    decision = decide(wanted, [going, evicted])
    assert len(decision.create) == 2
    assert decision.delete == []


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ({"phase": "Pending"}, {}),
        ({"ready": False}, {}),
        ({"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}, {}),
        ({"creationTimestamp": "2026-01-01T00:00:05Z"}, {}),
    ],
)
def test_the_least_useful_goes_first(first: dict[str, Any], other: dict[str, Any]) -> None:
    wanted = replica_set(1)
    pods = [set_member(0, wanted, **other), set_member(1, wanted, **first)]
    assert names(decide(wanted, pods).delete) == ["web-x-1"]
    assert names(decide(replica_set(0), pods).delete) == ["web-x-1", "web-x-0"]


def test_a_set_that_goes_does_nothing() -> None:
    wanted = replica_set(1)
    wanted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:30Z"
    assert decide(wanted, []).create == []


def test_status_counts_and_tells_when_time_alone_changes_it() -> None:
    wanted = replica_set(3, minReadySeconds=90)
    pods = [set_member(0, wanted), set_member(1, wanted, ready=False), set_member(2, wanted, phase="Failed")]
    shown, again_after = status(wanted, pods, NOW)
    assert (shown["replicas"], shown["readyReplicas"], shown["availableReplicas"]) == (2, 1, None)
    assert shown["fullyLabeledReplicas"] == 2
    assert again_after == 30
    shown, again_after = status(replica_set(3), pods, NOW)
    assert (shown["availableReplicas"], again_after) == (1, None)


def test_a_failure_is_a_condition_until_it_is_over() -> None:
    wanted = replica_set(1)
    shown, _ = status(wanted, [], NOW, 'serviceaccounts "bot" not found')
    assert [(c["type"], c["reason"], c["message"]) for c in shown["conditions"]] == [
        ("ReplicaFailure", "FailedCreate", 'serviceaccounts "bot" not found')
    ]
    assert status({**wanted, "status": shown}, [], NOW)[0]["conditions"] is None
