"""The row of a pod: how far it is, in one word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import get_path, parse_time
from .columns import AGE, NAME, NONE, Column, since, wide

if TYPE_CHECKING:
    from ..objects import JsonObject


def _reason(state: JsonObject, kind: str) -> str:
    found = (state.get(kind) or {}).get("reason")
    return str(found) if found else ""


def _ended(terminated: JsonObject) -> str:
    """Why a container ended, when it gave no reason."""
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _restartable(obj: JsonObject, name: str) -> bool:
    declared = (obj.get("spec") or {}).get("initContainers") or []
    return any(c.get("name") == name and c.get("restartPolicy") == "Always" for c in declared)


def _initialising(obj: JsonObject) -> str | None:
    """The status while init containers run, None when they are through."""
    total = len((obj.get("spec") or {}).get("initContainers") or [])
    for index, status in enumerate((obj.get("status") or {}).get("initContainerStatuses") or []):
        state = status.get("state") or {}
        terminated = state.get("terminated")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if _restartable(obj, status.get("name", "")) and status.get("started"):
            continue
        if terminated is not None:
            return "Init:" + (_reason(state, "terminated") or _ended(terminated))
        waiting = _reason(state, "waiting")
        if waiting and waiting != "PodInitializing":
            return "Init:" + waiting
        return f"Init:{index}/{total}"
    return None


def _containers(obj: JsonObject, fallback: str) -> str:
    """What the containers say, the first one having the last word."""
    reason, running = fallback, False
    for status in reversed((obj.get("status") or {}).get("containerStatuses") or []):
        state = status.get("state") or {}
        if _reason(state, "waiting"):
            reason = _reason(state, "waiting")
        elif state.get("terminated") is not None:
            reason = _reason(state, "terminated") or _ended(state["terminated"])
        elif status.get("ready") and state.get("running") is not None:
            running = True
    if reason == "Completed" and running:
        conditions = (obj.get("status") or {}).get("conditions") or []
        ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
        return "Running" if ready else "NotReady"
    return reason


def status_text(obj: JsonObject) -> str:
    """The STATUS column."""
    status = obj.get("status") or {}
    reason = str(status.get("reason") or status.get("phase") or "")
    initialising = _initialising(obj)
    reason = initialising if initialising is not None else _containers(obj, reason)
    if obj["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return reason


def ready_text(obj: JsonObject) -> str:
    statuses = (obj.get("status") or {}).get("containerStatuses") or []
    ready = sum(bool(s.get("ready") and (s.get("state") or {}).get("running") is not None) for s in statuses)
    return f"{ready}/{len((obj.get('spec') or {}).get('containers') or [])}"


def restarts_text(obj: JsonObject) -> str:
    """Restarts, and how long ago the last one was."""
    status = obj.get("status") or {}
    field = "initContainerStatuses" if _initialising(obj) is not None else "containerStatuses"
    statuses: list[Any] = status.get(field) or []
    count = sum(s.get("restartCount", 0) for s in statuses)
    ends = [get_path(s, "lastState", "terminated", "finishedAt") for s in statuses]
    moments = sorted(e for e in ends if isinstance(e, str) and parse_time(e))
    return f"{count} ({since(moments[-1])} ago)" if count and moments else str(count)


def _gates(obj: JsonObject) -> str:
    gates = (obj.get("spec") or {}).get("readinessGates") or []
    if not gates:
        return NONE
    true = {c["type"] for c in (obj.get("status") or {}).get("conditions") or [] if c.get("status") == "True"}
    return f"{sum(g.get('conditionType') in true for g in gates)}/{len(gates)}"


POD = (
    NAME,
    Column("Ready", ready_text),
    Column("Status", status_text),
    Column("Restarts", restarts_text),
    AGE,
    wide("IP", lambda o: get_path(o, "status", "podIP") or NONE),
    wide("Node", lambda o: get_path(o, "spec", "nodeName") or NONE),
    wide("Nominated Node", lambda o: get_path(o, "status", "nominatedNodeName") or NONE),
    wide("Readiness Gates", _gates),
)
