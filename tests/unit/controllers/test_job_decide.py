"""What a Job needs next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from btcwatcher_local.controllers.job.decide import decide
from btcwatcher_local.controllers.template import numbered_name
from support.objects import job, job_pod

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(seconds=5)


def types(status: dict[str, Any]) -> list[str]:
    return [item["type"] for item in status["conditions"]]


def test_first_pod_carries_the_jobs_labels() -> None:
    decision = decide(job(), [], NOW)
    (pod,) = decision.create
    assert pod["metadata"]["name"] == numbered_name(job(), 0)
    assert pod["metadata"]["labels"]["job-name"] == "check"
    assert pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] == "job-uid"
    assert pod["metadata"]["ownerReferences"][0]["uid"] == "job-uid"
    assert decision.status["startTime"] == "2026-01-01T00:00:05Z"


def test_a_running_pod_is_enough() -> None:
    decision = decide(job(), [job_pod(numbered_name(job(), 0), "Running")], NOW)
    assert decision.create == []
    assert decision.status["active"] == 1


def test_success_completes() -> None:
    decision = decide(job(), [job_pod("a", "Succeeded")], NOW)
    assert types(decision.status) == ["SuccessCriteriaMet", "Complete"]
    assert decision.status["succeeded"] == 1
    assert decision.status["completionTime"] == "2026-01-01T00:00:05Z"


def test_failure_beyond_the_limit_fails() -> None:
    decision = decide(job(backoffLimit=0), [job_pod("a", "Failed")], NOW)
    assert types(decision.status) == ["FailureTarget", "Failed"]
    assert decision.status["conditions"][1]["reason"] == "BackoffLimitExceeded"
    assert decision.create == []


def test_retry_waits_ten_seconds_and_takes_a_new_name() -> None:
    wanted = job(backoffLimit=2)
    failed = [job_pod(numbered_name(wanted, 0), "Failed")]
    early = decide(wanted, failed, NOW)
    assert early.create == []
    assert early.again_after == 5
    (pod,) = decide(wanted, failed, START + timedelta(seconds=10)).create
    assert pod["metadata"]["name"] == numbered_name(wanted, 1)


def test_a_pod_that_is_going_is_not_doubled() -> None:
    going = job_pod("a", "Running", deletionTimestamp="2026-01-01T00:00:00Z")
    assert decide(job(), [going], NOW).create == []


def test_deadline_stops_the_pod_then_fails() -> None:
    wanted = job(activeDeadlineSeconds=10)
    wanted["status"] = {"startTime": "2026-01-01T00:00:00Z"}
    running = job_pod("a", "Running")
    assert decide(wanted, [running], NOW).again_after == 5
    late = decide(wanted, [running], START + timedelta(seconds=11))
    assert late.delete == [running]
    assert types(late.status) == ["FailureTarget"]
    wanted["status"]["conditions"] = late.status["conditions"]
    over = decide(wanted, [], START + timedelta(seconds=12))
    assert types(over.status) == ["FailureTarget", "Failed"]
    assert over.status["conditions"][1]["reason"] == "DeadlineExceeded"


def test_suspended_job_has_no_pod() -> None:
    running = job_pod("a", "Running")
    decision = decide(job(suspend=True), [running], NOW)
    assert decision.delete == [running]
    assert types(decision.status) == ["Suspended"]
    assert decision.status["startTime"] is None


def test_finished_job_goes_after_its_time() -> None:
    wanted = job(ttlSecondsAfterFinished=60)
    ended = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    wanted["status"] = {"conditions": [ended]}
    assert decide(wanted, [], NOW).again_after == 55
    assert decide(wanted, [], START + timedelta(seconds=61)).expired


def test_in_place_restarts_count_against_the_limit() -> None:
    wanted = job(backoffLimit=2)
    wanted["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    pod = job_pod("a", "Running")
    pod["status"]["containerStatuses"] = [{"restartCount": 2}]
    decision = decide(wanted, [pod], NOW)
    assert decision.delete == [pod]
    assert decision.status["conditions"][0]["reason"] == "BackoffLimitExceeded"
