"""What to do next for a pod's containers: a pure function of the spec, the records and the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from btcwatcher_local.client import times
from btcwatcher_local.node import backoff
from btcwatcher_local.node.model import ContainerRecord, Terminated, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from btcwatcher_local.client.resources import Obj

ALWAYS = "Always"
ON_FAILURE = "OnFailure"
NEVER = "Never"


@dataclass(slots=True)
class Decision:
    """Containers to start now, those that wait in back-off (and until when), and whether the pod is over."""

    start: list[str] = field(default_factory=list)
    backing_off: dict[str, datetime] = field(default_factory=dict)
    stop_all: str = ""
    """Not empty: stop every container, for this reason (DeadlineExceeded)."""
    wake_at: datetime | None = None

    def wake(self, moment: datetime) -> None:
        if self.wake_at is None or moment < self.wake_at:
            self.wake_at = moment


def restarts(policy: str, exit_code: int) -> bool:
    """Whether a container that ended so is started again."""
    return policy == ALWAYS or (policy == ON_FAILURE and exit_code != 0)


def sidecar(container: Obj) -> bool:
    """An init container that keeps running beside the others."""
    return container.get("restartPolicy") == ALWAYS


def decide(
    pod: Obj,
    records: Mapping[str, ContainerRecord],
    now: datetime,
    *,
    reset_after: float,
    started_at: datetime | None = None,
) -> Decision:
    """The next step of a pod that is not being deleted.

    Init containers run one after the other, each to success, before any other container; sidecars only have to
    be started. `started_at` is when the agent took the pod, for `activeDeadlineSeconds`.
    """
    spec = pod["spec"]
    policy = spec.get("restartPolicy") or ALWAYS
    decision = Decision()
    if (limit := spec.get("activeDeadlineSeconds")) and started_at is not None:
        deadline = started_at + timedelta(seconds=limit)
        if now >= deadline:
            decision.stop_all = "DeadlineExceeded"
            return decision
        decision.wake(deadline)
    inits = spec.get("initContainers") or []
    begun = any(records[item["name"]].container_id for item in spec["containers"])
    for container in inits:
        record = records[container["name"]]
        if sidecar(container):
            _consider(record, ALWAYS, decision, now, reset_after)
            if not begun and not (record.running and record.started):
                return decision
            continue
        if begun or record.exit_code == 0:
            continue
        # A failed init container is run again under Always too; only Never makes its failure final.
        _consider(record, NEVER if policy == NEVER else ON_FAILURE, decision, now, reset_after)
        return decision
    for container in spec["containers"]:
        _consider(records[container["name"]], policy, decision, now, reset_after)
    return decision


def _consider(record: ContainerRecord, policy: str, decision: Decision, now: datetime, reset_after: float) -> None:
    if record.running:
        return
    if isinstance(record.state, Waiting):
        decision.start.append(record.name)
        return
    ended = record.state
    assert isinstance(ended, Terminated)  # noqa: S101 - the third of three states
    if not restarts(policy, ended.exit_code):
        return
    held = backoff.effective(record.backoff, ended.finished_at, reset_after)
    moment = backoff.restart_at(held, ended.finished_at)
    if now >= moment:
        decision.start.append(record.name)
    else:
        decision.backing_off[record.name] = moment
        decision.wake(moment)


def phase(pod: Obj, records: Mapping[str, ContainerRecord]) -> str:
    """The kubelet's getPhase: Pending, Running, Succeeded or Failed."""
    spec = pod["spec"]
    policy = spec.get("restartPolicy") or ALWAYS
    main = [records[item["name"]] for item in spec["containers"]]
    begun = any(record.container_id for record in main)
    for container in spec.get("initContainers") or []:
        if sidecar(container) or begun:
            continue
        code = records[container["name"]].exit_code
        if code not in (None, 0) and policy == NEVER:
            return "Failed"
        if code != 0:
            return "Pending"
    if any(isinstance(record.state, Waiting) and not record.last for record in main):
        return "Pending"
    if any(record.running for record in main) or policy == ALWAYS:
        return "Running"
    codes = [record.exit_code for record in main]
    if all(code == 0 for code in codes):
        return "Succeeded"
    if policy == NEVER:
        return "Failed"
    return "Running"


def start_time(pod: Obj) -> datetime | None:
    """When the agent took the pod, from its status."""
    return times.parse((pod.get("status") or {}).get("startTime"))
