"""The kubelet's restart back-off: the first restart at once, then base, doubling to a cap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """In force since `since` (the start it was made for); `seconds` count from the container's end."""

    seconds: float
    since: datetime


def effective(held: Backoff | None, finished: datetime, reset_after: float) -> Backoff | None:
    """The back-off that counts for a container which ended at `finished`: none after a long good run."""
    if held is None or finished - held.since > timedelta(seconds=reset_after):
        return None
    return held


def restart_at(held: Backoff | None, finished: datetime) -> datetime:
    """When a container that ended at `finished` may start again."""
    return finished if held is None else finished + timedelta(seconds=held.seconds)


def advanced(held: Backoff | None, now: datetime, base: float, cap: float) -> Backoff:
    """The back-off for the end after this start."""
    return Backoff(base if held is None else min(held.seconds * 2, cap), now)


def spoken(seconds: float) -> str:
    """Go's duration words, as the kubelet prints them: 10s, 1m20s, 5m0s."""
    whole = int(seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60}s"
