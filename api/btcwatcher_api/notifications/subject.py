"""What a message speaks of: a signal or a notice, as its row holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from btcwatcher_api.signals.types import Priority


class Kind(StrEnum):
    """What a delivery is of."""

    SIGNAL = "Signal"
    ALERT = "Alert"
    MANUAL = "Manual"
    TEST = "Test"


@dataclass(frozen=True, slots=True)
class Subject:
    """`values` are the row's own columns: of `signals` for a Signal, of `notices` for the rest."""

    id: UUID
    kind: Kind
    priority: Priority
    namespace: str
    strategy: str | None
    """The Strategy's name, if it is about one."""
    at: datetime
    """When it happened; aware, UTC."""
    values: Mapping[str, Any]
