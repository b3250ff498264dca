"""What stands in the way of a Strategy: the reason and the sentence that its status says, and who must act."""

from dataclasses import dataclass

from btcwatcher_crds.conditions import AnyReason


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the children could not be brought to what the spec asks for."""

    reason: AnyReason
    message: str
    stuck: bool = True
    """True when a person must act; False when the operator only waits."""


class Blocked(Exception):  # noqa: N818 - no error of the operator's, but a state of the Strategy
    """The spec cannot be carried out now; the Strategy's status says why."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.message)
        self.obstacle = obstacle
