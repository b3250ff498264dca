"""The two forms of an Event: v1 is stored, events.k8s.io/v1 is translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .objects import JsonObject

GROUP = "events.k8s.io"

_NEW_TO_CORE = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_CORE_TO_NEW = {core: new for new, core in _NEW_TO_CORE.items()}


def to_core(obj: JsonObject) -> JsonObject:
    """An events.k8s.io/v1 Event as a v1 Event."""
    out = {_NEW_TO_CORE.get(key, key): value for key, value in obj.items()}
    return {**out, "apiVersion": "v1", "kind": "Event"}


def from_core(obj: JsonObject) -> JsonObject:
    """A v1 Event as an events.k8s.io/v1 Event."""
    out = {_CORE_TO_NEW.get(key, key): value for key, value in obj.items()}
    return {**out, "apiVersion": f"{GROUP}/v1", "kind": "Event"}
