"""What a StatefulSet needs next."""

from __future__ import annotations

from datetime import UTC, datetime

from btcwatcher_local.controllers.statefulset.decide import decide
from support.objects import set_pod, stateful_set

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def names(pods: list[dict]) -> list[str]:  # type: ignore[type-arg]
    return [pod["metadata"]["name"] for pod in pods]


def test_parallel_makes_every_missing_ordinal_at_once() -> None:
    decision = decide(stateful_set(replicas=3), [set_pod(1, "web-a")], "web-a", "web-a", NOW)
    assert decision.create == [(0, "web-a"), (2, "web-a")]


def test_ordered_waits_for_the_one_before() -> None:
    wanted = stateful_set(replicas=3, policy="OrderedReady")
    assert decide(wanted, [], "web-a", "web-a", NOW).create == [(0, "web-a")]
    starting = [set_pod(0, "web-a", ready=False)]
    assert decide(wanted, starting, "web-a", "web-a", NOW).create == []
    assert decide(wanted, [set_pod(0, "web-a")], "web-a", "web-a", NOW).create == [(1, "web-a")]


def test_no_second_pod_while_the_first_is_going() -> None:
    going = set_pod(0, "web-a", deletionTimestamp="2026-01-01T00:00:30Z")
    decision = decide(stateful_set(), [going], "web-a", "web-a", NOW)
    assert decision.create == []
    assert decision.delete == []


def test_scale_to_zero_deletes_from_the_highest() -> None:
    pods = [set_pod(0, "web-a"), set_pod(1, "web-a")]
    both = decide(stateful_set(replicas=0), pods, "web-a", "web-a", NOW)
    assert names(both.delete) == ["web-1", "web-0"]
    ordered = decide(stateful_set(replicas=0, policy="OrderedReady"), pods, "web-a", "web-a", NOW)
    assert names(ordered.delete) == ["web-1"]


def test_update_replaces_the_highest_first_and_waits_for_it() -> None:
    wanted = stateful_set(replicas=2)
    old = [set_pod(0, "web-a"), set_pod(1, "web-a")]
    assert names(decide(wanted, old, "web-a", "web-b", NOW).delete) == ["web-1"]
    fresh = [set_pod(0, "web-a"), set_pod(1, "web-b", ready=False)]
    assert decide(wanted, fresh, "web-a", "web-b", NOW).delete == []
    done = [set_pod(0, "web-a"), set_pod(1, "web-b")]
    assert names(decide(wanted, done, "web-a", "web-b", NOW).delete) == ["web-0"]


def test_parallel_replaces_an_old_pod_that_never_became_ready() -> None:
    broken = [set_pod(0, "web-a", ready=False)]
    assert names(decide(stateful_set(), broken, "web-a", "web-b", NOW).delete) == ["web-0"]
    ordered = stateful_set(policy="OrderedReady")
    assert decide(ordered, broken, "web-a", "web-b", NOW).delete == []


def test_on_delete_and_partition_leave_old_pods() -> None:
    on_delete = stateful_set(updateStrategy={"type": "OnDelete"})
    assert decide(on_delete, [set_pod(0, "web-a")], "web-a", "web-b", NOW).delete == []
    assert decide(on_delete, [], "web-a", "web-b", NOW).create == [(0, "web-b")]
    partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    held = stateful_set(replicas=2, updateStrategy=partition)
    pods = [set_pod(0, "web-a"), set_pod(1, "web-a")]
    assert names(decide(held, pods, "web-a", "web-b", NOW).delete) == ["web-1"]
    rebuilt = decide(held, [set_pod(1, "web-b")], "web-a", "web-b", NOW)
    assert rebuilt.create == [(0, "web-a")]


def test_finished_pod_is_made_again() -> None:
    decision = decide(stateful_set(), [set_pod(0, "web-a", phase="Failed")], "web-a", "web-a", NOW)
    assert names(decision.delete) == ["web-0"]


def test_set_being_deleted_makes_and_deletes_nothing() -> None:
    wanted = stateful_set(replicas=3)
    wanted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    decision = decide(wanted, [set_pod(0, "web-a")], "web-a", "web-b", NOW)
    assert decision.create == []
    assert decision.delete == []


def test_status_while_and_after_an_update() -> None:
    wanted = stateful_set(replicas=2)
    half = decide(wanted, [set_pod(0, "web-a"), set_pod(1, "web-b")], "web-a", "web-b", NOW).status
    assert (half["replicas"], half["readyReplicas"]) == (2, 2)
    assert (half["currentReplicas"], half["updatedReplicas"]) == (1, 1)
    assert (half["currentRevision"], half["updateRevision"]) == ("web-a", "web-b")
    assert half["observedGeneration"] == 1
    done = decide(wanted, [set_pod(0, "web-b"), set_pod(1, "web-b")], "web-a", "web-b", NOW).status
    assert (done["currentRevision"], done["currentReplicas"]) == ("web-b", 2)


def test_min_ready_seconds_count_from_readiness() -> None:
    wanted = stateful_set(minReadySeconds=90)
    decision = decide(wanted, [set_pod(0, "web-a")], "web-a", "web-a", NOW)
    assert decision.status["readyReplicas"] == 1
    assert decision.status["availableReplicas"] == 0
    assert decision.again_after == 30
