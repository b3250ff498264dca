"""What controllers want to know about a pod: ready, over, available. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources, times

if TYPE_CHECKING:
    from btcwatcher_local.client.resources import Obj


def ready(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running" and resources.condition_true(pod, "Ready")


def finished(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def available_in(pod: Obj, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until the pod counts as available: 0 when it does, None when time alone will not bring it there."""
    if not ready(pod):
        return None
    if not min_ready_seconds:
        return 0
    since = times.parse((resources.condition(pod, "Ready") or {}).get("lastTransitionTime"))
    if since is None:
        return None
    return max((since + timedelta(seconds=min_ready_seconds) - now).total_seconds(), 0)
