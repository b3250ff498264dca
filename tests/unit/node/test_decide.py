"""What is next for a pod's containers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from btcwatcher_local.node.backoff import Backoff
from btcwatcher_local.node.decide import decide, phase
from btcwatcher_local.node.model import ContainerRecord, Running, State, Terminated
from support.objects import Obj, pod

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RESET = 600.0


def ended(code: int, *, ago: float = 0, ran: float = 1) -> Terminated:
    finished = NOW - timedelta(seconds=ago)
    reason = "Completed" if code == 0 else "Error"
    return Terminated(code, reason, finished - timedelta(seconds=ran), finished)


def records(wanted: Obj, **states: State) -> dict[str, ContainerRecord]:
    made = {}
    for kind in ("initContainers", "containers"):
        for container in wanted["spec"][kind]:
            record = ContainerRecord(container["name"], init=kind == "initContainers")
            if container["name"] in states:
                record.state = states[container["name"]]
                record.container_id = "local://x"
                record.started = record.running
            made[container["name"]] = record
    return made


def starts(wanted: Obj, held: dict[str, ContainerRecord]) -> list[str]:
    return decide(wanted, held, NOW, reset_after=RESET).start


def test_init_containers_go_one_by_one_before_the_others() -> None:
    wanted = pod(init=("a", "b"), names=("c", "d"))
    assert starts(wanted, records(wanted)) == ["a"]
    assert starts(wanted, records(wanted, a=Running(NOW))) == []
    assert starts(wanted, records(wanted, a=ended(0))) == ["b"]
    assert starts(wanted, records(wanted, a=ended(0), b=ended(0))) == ["c", "d"]


def test_init_containers_are_not_run_again_when_a_container_restarts() -> None:
    wanted = pod(init=("a",))
    held = records(wanted, a=ended(0), main=ended(1))
    assert starts(wanted, held) == ["main"]


def test_failed_init_container_is_run_again_unless_never() -> None:
    assert starts(pod(init=("a",)), records(pod(init=("a",)), a=ended(1))) == ["a"]
    never = pod(init=("a",), restart="Never")
    held = records(never, a=ended(1))
    assert starts(never, held) == []
    assert phase(never, held) == "Failed"


@pytest.mark.parametrize(
    ("policy", "code", "again", "shown"),
    [
        ("Always", 0, True, "Running"),
        ("Always", 1, True, "Running"),
        ("OnFailure", 0, False, "Succeeded"),
        ("OnFailure", 1, True, "Running"),
        ("Never", 0, False, "Succeeded"),
        ("Never", 1, False, "Failed"),
    ],
)
def test_restart_policies(policy: str, code: int, again: bool, shown: str) -> None:
    wanted = pod(restart=policy)
    held = records(wanted, main=ended(code))
    assert (starts(wanted, held) == ["main"]) is again
    assert phase(wanted, held) == shown


def test_back_off_counts_from_the_end_of_the_container() -> None:
    wanted = pod()
    held = records(wanted, main=ended(1, ago=4))
    held["main"].backoff = Backoff(10, NOW - timedelta(seconds=5))
    decision = decide(wanted, held, NOW, reset_after=RESET)
    assert decision.start == []
    assert decision.backing_off == {"main": NOW + timedelta(seconds=6)}
    assert decision.wake_at == NOW + timedelta(seconds=6)


def test_back_off_is_forgotten_after_a_long_run() -> None:
    wanted = pod()
    held = records(wanted, main=ended(1, ran=700))
    held["main"].backoff = Backoff(300, NOW - timedelta(seconds=700))
    assert starts(wanted, held) == ["main"]


def test_one_container_in_back_off_does_not_hold_another() -> None:
    wanted = pod(names=("a", "b"))
    held = records(wanted, a=ended(1), b=ended(1))
    held["a"].backoff = Backoff(10, NOW)
    assert starts(wanted, held) == ["b"]


def test_deadline_of_the_pod() -> None:
    wanted = pod()
    wanted["spec"]["activeDeadlineSeconds"] = 60
    held = records(wanted, main=Running(NOW))
    begun = NOW - timedelta(seconds=59)
    decision = decide(wanted, held, NOW, reset_after=RESET, started_at=begun)
    assert decision.stop_all == ""
    assert decision.wake_at == NOW + timedelta(seconds=1)
    late = NOW + timedelta(seconds=1)
    assert decide(wanted, held, late, reset_after=RESET, started_at=begun).stop_all == "DeadlineExceeded"


def test_sidecar_need_only_be_started() -> None:
    wanted = pod(init=("side",))
    wanted["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    assert starts(wanted, records(wanted)) == ["side"]
    assert starts(wanted, records(wanted, side=Running(NOW))) == ["main"]
    both = records(wanted, side=ended(1), main=Running(NOW))
    assert starts(wanted, both) == ["side"]


def test_phases_on_the_way_up() -> None:
    wanted = pod(init=("a",))
    assert phase(wanted, records(wanted)) == "Pending"
    assert phase(wanted, records(wanted, a=Running(NOW))) == "Pending"
    assert phase(wanted, records(wanted, a=ended(0))) == "Pending"
    assert phase(wanted, records(wanted, a=ended(0), main=Running(NOW))) == "Running"


def test_one_of_two_still_running_is_running() -> None:
    wanted = pod(names=("a", "b"), restart="Never")
    assert phase(wanted, records(wanted, a=ended(1), b=Running(NOW))) == "Running"
    assert phase(wanted, records(wanted, a=ended(1), b=ended(0))) == "Failed"
