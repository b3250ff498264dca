"""What the node agent knows of a container: the three states of the Pod API, and the record around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from btcwatcher_local.client import times

if TYPE_CHECKING:
    from datetime import datetime

    from btcwatcher_local.node.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Waiting:
    reason: str
    message: str = ""

    def to_api(self) -> dict[str, Any]:
        body = {"reason": self.reason}
        if self.message:
            body["message"] = self.message
        return {"waiting": body}


@dataclass(frozen=True, slots=True)
class Running:
    started_at: datetime

    def to_api(self) -> dict[str, Any]:
        return {"running": {"startedAt": times.rfc3339(self.started_at)}}


@dataclass(frozen=True, slots=True)
class Terminated:
    exit_code: int
    reason: str
    started_at: datetime
    finished_at: datetime
    message: str = ""
    container_id: str = ""

    def to_api(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "startedAt": times.rfc3339(self.started_at),
            "finishedAt": times.rfc3339(self.finished_at),
        }
        if self.message:
            body["message"] = self.message
        if self.container_id:
            body["containerID"] = self.container_id
        return {"terminated": body}


State = Waiting | Running | Terminated


@dataclass(slots=True)
class ContainerRecord:
    """One container of a pod, over all its restarts.

    `state` is what really is: a container in back-off stays Terminated here, and only the status shows it
    as waiting (`waiting`), so that a decision never loses the exit code.
    """

    name: str
    init: bool = False
    state: State = field(default_factory=lambda: Waiting("ContainerCreating"))
    last: Terminated | None = None
    waiting: Waiting | None = None
    restart_count: int = 0
    started: bool = False
    ready: bool = False
    container_id: str = ""
    image_id: str = ""
    backoff: Backoff | None = None

    @property
    def running(self) -> bool:
        return isinstance(self.state, Running)

    @property
    def exit_code(self) -> int | None:
        """None unless terminated."""
        return self.state.exit_code if isinstance(self.state, Terminated) else None
