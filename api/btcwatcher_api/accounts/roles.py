"""The three roles. Each may do all that the ones before it may."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class Role(StrEnum):
    """Viewer reads, trader also changes Strategies, admin also looks after accounts."""

    VIEWER = "viewer"
    TRADER = "trader"
    ADMIN = "admin"

    def covers(self, other: "Role") -> bool:
        """Whether this role may do what `other` may."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER: Final = (Role.VIEWER, Role.TRADER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: a user, or a machine with the read token, which has no `user_id`."""

    name: str
    role: Role
    user_id: UUID | None = None
