"""What a Job needs next: a pure function of the Job and its pods.

Pods have names made from the Job's uid and a number, so that a late cache can never make two for one attempt.
Indexed completion and pod failure policies are not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.resources import JOBS, Obj
from btcwatcher_local.controllers.template import numbered_name, numbered_pod

if TYPE_CHECKING:
    from collections.abc import Sequence

_BACKOFF_BASE = 10.0
_BACKOFF_CAP = 600.0
_DEFAULT_BACKOFF_LIMIT = 6


@dataclass(slots=True)
class Decision:
    create: list[Obj] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)
    status: Obj = field(default_factory=dict)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    """(type, reason, message) to emit once the status is written."""
    again_after: float | None = None
    expired: bool = False
    """Finished longer than ttlSecondsAfterFinished ago: delete the Job."""

    def wake(self, seconds: float) -> None:
        self.again_after = seconds if self.again_after is None else min(seconds, self.again_after)


def finished(job: Obj) -> Obj | None:
    """The condition that ended the Job, if it is over."""
    for kind in ("Complete", "Failed"):
        found = resources.condition(job, kind)
        if found is not None and found.get("status") == "True":
            return found
    return None


def build_pod(job: Obj, number: int) -> Obj:
    """The pod of the attempt `number`."""
    uid, name = resources.uid(job), resources.name(job)
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    return numbered_pod(job, JOBS, number, labels)


def decide(job: Obj, pods: Sequence[Obj], now: datetime) -> Decision:
    """`pods` are those the Job controls."""
    decision = Decision()
    if (over := finished(job)) is not None:
        _after_end(job, over, now, decision)
        return decision
    spec, held = job["spec"], job.get("status") or {}
    succeeded = [pod for pod in pods if _phase(pod) == "Succeeded"]
    failed = [pod for pod in pods if _phase(pod) == "Failed"]
    going = [pod for pod in pods if _phase(pod) not in ("Succeeded", "Failed")]
    active = [pod for pod in going if not resources.deleting(pod)]
    failures = max(len(failed), int(held.get("failed") or 0))
    successes = max(len(succeeded), int(held.get("succeeded") or 0))
    suspended = bool(spec.get("suspend"))
    started = times.parse(held.get("startTime")) or (None if suspended else now)
    completions = int(spec.get("completions") or 1)
    failure = None if suspended else _failure(job, failures, active, started, now, decision)
    if failure is None and successes < completions and not suspended:
        wanted = min(int(1 if spec.get("parallelism") is None else spec["parallelism"]), completions - successes)
        _start_pods(job, pods, wanted - len(going), failed, now, decision)
    else:
        decision.delete = list(active)
    decision.status = {
        "startTime": times.rfc3339(started) if started and not suspended else None,
        "active": len(active) if not decision.delete else 0,
        "terminating": len(going) - len(active) + len(decision.delete),
        "ready": sum(resources.condition_true(pod, "Ready") for pod in active) if not decision.delete else 0,
        "succeeded": successes,
        "failed": failures,
        "uncountedTerminatedPods": {},
    }
    _conclude(job, failure, successes >= completions, suspended, now, decision)
    return decision


def _phase(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _failure(
    job: Obj,
    failures: int,
    active: Sequence[Obj],
    started: datetime | None,
    now: datetime,
    decision: Decision,
) -> tuple[str, str] | None:
    """(reason, message) when the Job has failed."""
    spec = job["spec"]
    held = resources.condition(job, "FailureTarget")
    if held is not None and held.get("status") == "True":
        return str(held.get("reason")), str(held.get("message"))
    limit = int(_DEFAULT_BACKOFF_LIMIT if spec.get("backoffLimit") is None else spec["backoffLimit"])
    restarts = 0
    if spec["template"]["spec"].get("restartPolicy") == "OnFailure":
        restarts = sum(
            int(container.get("restartCount") or 0)
            for pod in active
            for container in (pod.get("status") or {}).get("containerStatuses") or []
        )
    if failures > limit or (restarts and restarts >= max(limit, 1)):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if (seconds := spec.get("activeDeadlineSeconds")) is not None and started is not None:
        left = (started + timedelta(seconds=seconds) - now).total_seconds()
        if left <= 0:
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        decision.wake(left)
    return None


def _start_pods(
    job: Obj, pods: Sequence[Obj], missing: int, failed: Sequence[Obj], now: datetime, decision: Decision
) -> None:
    if missing <= 0:
        return
    if failed:
        seconds = min(_BACKOFF_BASE * 2 ** (len(failed) - 1), _BACKOFF_CAP)
        left = (max(map(_ended_at, failed)) + timedelta(seconds=seconds) - now).total_seconds()
        if left > 0:
            decision.wake(left)
            return
    taken = {resources.name(pod) for pod in pods}
    number = 0
    while len(decision.create) < missing:
        if numbered_name(job, number) not in taken:
            decision.create.append(build_pod(job, number))
        number += 1


def _ended_at(pod: Obj) -> datetime:
    ends = [
        moment
        for container in (pod.get("status") or {}).get("containerStatuses") or []
        if (moment := times.parse(((container.get("state") or {}).get("terminated") or {}).get("finishedAt")))
    ]
    created = times.parse(resources.meta(pod).get("creationTimestamp"))
    return max(ends) if ends else created or times.now()


def _conclude(
    job: Obj,
    failure: tuple[str, str] | None,
    complete: bool,
    suspended: bool,
    now: datetime,
    decision: Decision,
) -> None:
    """Conditions: first that the outcome is known, then, when no pod runs any more, that the Job is over."""
    others = [
        item
        for item in (job.get("status") or {}).get("conditions") or []
        if item["type"] not in ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget", "Suspended")
    ]
    wanted: list[tuple[str, str, str]] = []
    over = not decision.delete and decision.status["terminating"] == 0
    if failure is not None:
        wanted.append(("FailureTarget", *failure))
        if over:
            wanted.append(("Failed", *failure))
            decision.events.append(("Warning", failure[0], failure[1]))
    elif complete:
        text = "Reached expected number of succeeded pods"
        wanted.append(("SuccessCriteriaMet", "CompletionsReached", text))
        if over:
            wanted.append(("Complete", "CompletionsReached", text))
            decision.status["completionTime"] = times.rfc3339(now)
            decision.events.append(("Normal", "Completed", "Job completed"))
    elif suspended:
        wanted.append(("Suspended", "JobSuspended", "Job suspended"))
    decision.status["conditions"] = others + [_condition(job, *item, now) for item in wanted]


def _condition(job: Obj, kind: str, reason: str, message: str, now: datetime) -> Obj:
    held = resources.condition(job, kind)
    if held is not None and held.get("status") == "True":
        return held
    stamp = times.rfc3339(now)
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": stamp,
        "lastTransitionTime": stamp,
    }


def _after_end(job: Obj, over: Obj, now: datetime, decision: Decision) -> None:
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    ended = times.parse(over.get("lastTransitionTime"))
    if ttl is None or ended is None or resources.deleting(job):
        return
    left = (ended + timedelta(seconds=ttl) - now).total_seconds()
    if left <= 0:
        decision.expired = True
    else:
        decision.wake(left)
