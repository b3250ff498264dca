"""How the Job that tries a revision fares: one pure reading of the Job and its pods."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from btcwatcher_crds import names
from btcwatcher_crds.termination import Termination, parse
from btcwatcher_operator.bot_state import condition_of, container_of, exit_text, last_end, not_started
from btcwatcher_operator.resources import JOB, POD, Object
from btcwatcher_operator.store import ChildKey


class Stage(Enum):
    RUNNING = auto()
    """Also while there is no Job yet."""
    PASSED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Preflight:
    stage: Stage
    message: str = ""
    """What it waits for, or why it failed."""
    said: Termination | None = None
    """What the wrapper said of the revision; None where it said nothing: then nothing is known of the revision."""


def outcome(strategy: str, revision: str, live: Mapping[ChildKey, Object]) -> Preflight:
    """Of the Job for this revision, among the Strategy's children."""
    job = live.get((JOB.kind, names.preflight_job(strategy, revision)))
    if job is None:
        return Preflight(Stage.RUNNING, "its Job is being made")
    pods = [obj for (kind, _), obj in live.items() if kind == POD.kind and _tries(obj, revision)]
    for pod in pods:
        container = container_of(pod.get("status", {}), "containerStatuses", names.CONTAINER_PREFLIGHT)
        if _disrupted(pod):
            continue
        if (ended := last_end(container)) is not None:
            said = parse(ended.get("message", ""))
            if ended.get("exitCode") == 0:
                return Preflight(Stage.PASSED, said=said)
            return Preflight(Stage.FAILED, said.message if said else exit_text(container), said)
    return _of_job(job, pods)


def _of_job(job: Object, pods: list[Object]) -> Preflight:
    """What the Job itself says, where no pod of it has ended."""
    if (complete := condition_of(job, "Complete")) and complete.get("status") == "True":
        return Preflight(Stage.PASSED)
    if (failed := condition_of(job, "Failed")) and failed.get("status") == "True":
        if failed.get("reason") == "BackoffLimitExceeded":
            # Its pod has ended, which another watch is about to tell: with why.
            return Preflight(Stage.RUNNING, "its pod has failed; what it said last is on the way")
        return Preflight(Stage.FAILED, f"{failed.get('reason')}: {failed.get('message')}")
    for pod in pods:
        if (waits := not_started(pod, names.CONTAINER_PREFLIGHT)) is not None:
            return Preflight(Stage.RUNNING, f"its pod does not start: {waits}")
    return Preflight(Stage.RUNNING, "its Job is running")


def _tries(pod: Object, revision: str) -> bool:
    labels = pod["metadata"].get("labels", {})
    preflight: bool = labels.get(names.LABEL_COMPONENT) == names.COMPONENT_PREFLIGHT
    return preflight and labels.get(names.LABEL_REVISION) == revision


def _disrupted(pod: Object) -> bool:
    """Whether the cluster ended the pod (a drained node): its Job makes another."""
    condition = condition_of(pod, "DisruptionTarget")
    return condition is not None and condition.get("status") == "True"
