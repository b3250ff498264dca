"""Columns and the small formats that cells share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..objects import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..objects import JsonObject

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; priority 1 is shown with -o wide only."""

    name: str
    cell: Callable[[JsonObject], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""

    def definition(self) -> JsonObject:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description or self.name,
            "priority": self.priority,
        }


def wide(name: str, cell: Callable[[JsonObject], Any]) -> Column:
    return Column(name, cell, priority=1)


NAME = Column("Name", lambda o: o["metadata"].get("name", ""), format="name")


def human_duration(seconds: float) -> str:
    """A span as kubectl prints it: 45s, 3m20s, 7h12m, 5d, 2y31d."""
    if seconds < 0:
        return "0s" if seconds > -2 else "<invalid>"
    whole = int(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m" + (f"{whole % 60}s" if whole % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y{days % 365}d" if days < 8 * 365 and days % 365 else f"{years}y"


def since(text: Any) -> str:
    """How long ago a time was."""
    moment = parse_time(text) if isinstance(text, str) else None
    if moment is None:
        return UNKNOWN
    return human_duration((datetime.now(UTC) - moment).total_seconds())


AGE = Column("Age", lambda o: since(o["metadata"].get("creationTimestamp")))
CREATED_AT = Column("Created At", lambda o: o["metadata"].get("creationTimestamp"), type="date")


def labels_text(labels: Any) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or NONE


def selector_text(selector: Any) -> str:
    """A LabelSelector in the form that -l takes."""
    if not selector:
        return NONE
    parts = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or []:
        values = ",".join(term.get("values") or [])
        words = {
            "In": f"{term['key']} in ({values})",
            "NotIn": f"{term['key']} notin ({values})",
            "Exists": term["key"],
            "DoesNotExist": f"!{term['key']}",
        }
        parts.append(words.get(term.get("operator", ""), term["key"]))
    return ",".join(parts) or NONE


def first_of(items: list[str], limit: int = 3) -> str:
    """Some of many, and how many more there are."""
    if not items:
        return NONE
    more = len(items) - limit
    return ",".join(items[:limit]) + (f" + {more} more..." if more > 0 else "")
