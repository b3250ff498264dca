"""What an API server refuses, as one exception that keeps the server's Status words."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer of 400 or above, or an ERROR event of a watch.

    `status` is the HTTP code, `reason` the machine-readable word of the Status object (`NotFound`,
    `AlreadyExists`, `Conflict`, `Expired`, ...), `message` the sentence for a person.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message

    @classmethod
    def from_status(cls, http_status: int, body: Any) -> ApiError:
        """Build from a Status object; anything else (a proxy's page, say) is kept as the message."""
        if isinstance(body, dict) and body.get("kind") == "Status":
            return cls(
                int(body.get("code") or http_status),
                str(body.get("reason") or "Unknown"),
                str(body.get("message") or ""),
            )
        return cls(http_status, "Unknown", str(body)[:500])

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """Somebody else wrote first, or a uid/resourceVersion precondition failed."""
        return self.status == 409 and self.reason != "AlreadyExists"

    @property
    def gone(self) -> bool:
        """The resourceVersion asked for is no longer kept: list again."""
        return self.status == 410
