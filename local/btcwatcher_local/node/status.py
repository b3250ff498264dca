"""A pod's status in the kubelet's words, from its spec and its containers' records. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from btcwatcher_local.client import times
from btcwatcher_local.client.resources import Obj, condition, meta
from btcwatcher_local.node.decide import phase as pod_phase
from btcwatcher_local.node.decide import sidecar
from btcwatcher_local.node.model import ContainerRecord, Terminated, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

TERMINAL = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the node adds to a status."""

    pod_ip: str
    host_ip: str
    started_at: datetime
    reason: str = ""
    message: str = ""
    phase: str = ""
    """Overrules the computed phase (a pod that failed as a whole: DeadlineExceeded)."""


def build(pod: Obj, records: Mapping[str, ContainerRecord], facts: Facts, now: datetime) -> Obj:
    """The whole status; conditions of others (readiness gates) are kept as they are."""
    spec = pod["spec"]
    phase = facts.phase or pod_phase(pod, records)
    inits = [item["name"] for item in spec.get("initContainers") or []]
    mains = [item["name"] for item in spec["containers"]]
    initialized = _initialized(spec, records)
    status: dict[str, Any] = {
        "phase": phase,
        "conditions": _conditions(pod, records, phase, now),
        "hostIP": facts.host_ip,
        "hostIPs": [{"ip": facts.host_ip}],
        "podIP": facts.pod_ip,
        "podIPs": [{"ip": facts.pod_ip}],
        "startTime": times.rfc3339(facts.started_at),
        "qosClass": (pod.get("status") or {}).get("qosClass") or qos_class(spec),
        "containerStatuses": [
            _container(item, records[item["name"]], waiting_for_init=bool(inits) and not initialized)
            for item in sorted(spec["containers"], key=lambda item: mains.index(item["name"]))
        ],
    }
    if inits:
        status["initContainerStatuses"] = [
            _container(item, records[item["name"]], waiting_for_init=True) for item in spec["initContainers"]
        ]
    if generation := meta(pod).get("generation"):
        status["observedGeneration"] = generation
    # Sent as null when empty, so that a merge patch takes an old reason away.
    status["reason"] = facts.reason or None
    status["message"] = facts.message or None
    return status


def _container(container: Obj, record: ContainerRecord, *, waiting_for_init: bool) -> Obj:
    shown = record.waiting if record.waiting is not None and not record.running else record.state
    last = record.last
    if record.waiting is not None and isinstance(record.state, Terminated):
        last = record.state
    if isinstance(shown, Waiting) and shown.reason == "ContainerCreating" and waiting_for_init:
        shown = Waiting("PodInitializing")
    init_done = record.init and record.exit_code == 0
    return {
        "name": record.name,
        "image": container.get("image") or "",
        "imageID": record.image_id,
        "containerID": record.container_id or None,
        "ready": record.ready or (init_done and not sidecar(container)),
        "started": record.started and record.running,
        "restartCount": record.restart_count,
        "state": shown.to_api(),
        "lastState": last.to_api() if last is not None else {},
    }


def _initialized(spec: Obj, records: Mapping[str, ContainerRecord]) -> bool:
    return not _incomplete(spec, records)


def _incomplete(spec: Obj, records: Mapping[str, ContainerRecord]) -> list[str]:
    if any(records[item["name"]].container_id for item in spec["containers"]):
        return []
    return [
        item["name"]
        for item in spec.get("initContainers") or []
        if not (records[item["name"]].started if sidecar(item) else records[item["name"]].exit_code == 0)
    ]


def _conditions(pod: Obj, records: Mapping[str, ContainerRecord], phase: str, now: datetime) -> list[Obj]:
    spec = pod["spec"]
    incomplete = _incomplete(spec, records)
    unready = [
        item["name"]
        for item in [*(item for item in spec.get("initContainers") or [] if sidecar(item)), *spec["containers"]]
        if not records[item["name"]].ready
    ]
    over = "PodCompleted" if phase == "Succeeded" else "PodFailed" if phase == "Failed" else ""
    wanted: list[tuple[str, bool, str, str]] = []
    if over == "PodCompleted":
        wanted.append(("Initialized", True, over, ""))
    elif incomplete:
        text = f"containers with incomplete status: {_names(incomplete)}"
        wanted.append(("Initialized", False, "ContainersNotInitialized", text))
    else:
        wanted.append(("Initialized", True, "", ""))
    text = f"containers with unready status: {_names(unready)}"
    gates = [gate["conditionType"] for gate in spec.get("readinessGates") or []]
    closed = [gate for gate in gates if (condition(pod, gate) or {}).get("status") != "True"]
    if over:
        wanted.append(("Ready", False, over, ""))
        wanted.append(("ContainersReady", False, over, ""))
    elif unready:
        wanted.append(("Ready", False, "ContainersNotReady", text))
        wanted.append(("ContainersReady", False, "ContainersNotReady", text))
    else:
        message = f"the status of pod readiness gate {closed[0]!r} is not True" if closed else ""
        wanted.append(("Ready", not closed, "ReadinessGatesNotReady" if closed else "", message))
        wanted.append(("ContainersReady", True, "", ""))
    wanted.append(("PodScheduled", True, "", ""))
    ours = {kind for kind, *_ in wanted}
    others = [item for item in (pod.get("status") or {}).get("conditions") or [] if item["type"] not in ours]
    return [*others, *(_condition(pod, *item, now) for item in wanted)]


def _condition(pod: Obj, kind: str, true: bool, reason: str, message: str, now: datetime) -> Obj:
    value = "True" if true else "False"
    held = condition(pod, kind)
    changed = held is None or held.get("status") != value
    made: Obj = {
        "type": kind,
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": times.rfc3339(now) if changed or held is None else held.get("lastTransitionTime"),
    }
    if generation := meta(pod).get("generation"):
        made["observedGeneration"] = generation
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def _names(names: Iterable[str]) -> str:
    return "[" + " ".join(names) + "]"


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' requests and limits of cpu and memory."""
    any_set, guaranteed = False, True
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for kind in ("cpu", "memory"):
            any_set = any_set or kind in limits or kind in requests
            if kind not in limits or requests.get(kind, limits[kind]) != limits[kind]:
                guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"
