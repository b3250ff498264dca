"""A switch of either kind in one shape. Pure."""

from dataclasses import dataclass
from typing import Final

from btcwatcher_crds.fleet_switch import (
    AnySwitch,
    ClusterFleetSwitch,
    ClusterSelection,
    FleetSwitch,
    LiftedFor,
    SwitchAction,
)
from btcwatcher_crds.names import CLUSTER_FLEET_SWITCH_KIND
from btcwatcher_crds.selecting import Facts, covers, takes
from btcwatcher_crds.strategy import State
from btcwatcher_operator.resources import Object

HELD_STATE: Final = {
    SwitchAction.PAUSE_ENTRIES: State.PAUSED,
    SwitchAction.CLOSE_TRADES: State.PAUSED,
    SwitchAction.STOP: State.SUSPENDED,
}
"""The state that a switch of this action keeps a Strategy at, or below."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch as the operator knows it."""

    parsed: AnySwitch

    @property
    def uid(self) -> str:
        return self.parsed.metadata.uid

    @property
    def home(self) -> str:
        """The namespace whose Strategies it reaches; empty: all."""
        return self.parsed.metadata.namespace

    @property
    def action(self) -> SwitchAction:
        return self.parsed.spec.action

    @property
    def title(self) -> str:
        """As kubectl writes it."""
        return f"{self.parsed.kind.lower()}/{self.parsed.metadata.name}"

    @property
    def lift(self) -> str:
        """The command that lifts it."""
        where = f" -n {self.home}" if self.home else ""
        return f"kubectl{where} delete {self.title}"

    @property
    def armed(self) -> bool:
        """Whether it waits for a loss, and holds nobody yet."""
        return self.parsed.spec.on_loss is not None and self.parsed.status.tripped_at is None

    def takes(self, facts: Facts) -> bool:
        return takes(self.parsed.spec, self.home, facts)

    def lifted_for(self, facts: Facts) -> LiftedFor | None:
        """The Resume that has lifted it for this Strategy."""
        return next((one for one in self.parsed.status.lifted if takes(one, "", facts)), None)

    def holds(self, facts: Facts) -> bool:
        """Whether it keeps the Strategy from doing what its spec says."""
        return (
            self.action in HELD_STATE
            and not self.parsed.spec.dry_run
            and not self.armed
            and self.parsed.metadata.deletion_timestamp is None
            and self.takes(facts)
            and self.lifted_for(facts) is None
        )

    @property
    def reach(self) -> ClusterSelection:
        """Its selection with its own namespace in it."""
        spec = self.parsed.spec
        namespaces = spec.namespaces if isinstance(spec, ClusterSelection) else [self.home]
        return ClusterSelection(
            selector=spec.selector,
            strategies=spec.strategies,
            modes=spec.modes,
            exchanges=spec.exchanges,
            namespaces=namespaces,
        )

    @property
    def lifted_whole(self) -> bool:
        return any(covers(one, self.reach) for one in self.parsed.status.lifted)

    def lifts(self, other: "Switch") -> bool:
        """Whether this Resume is to lift the other switch for what it selects.

        Times of Kubernetes are whole seconds: of two that were made in the same one nobody knows which was first, and
        what holds goes on holding.
        """
        return not self.parsed.spec.dry_run and self.would_lift(other)

    def would_lift(self, other: "Switch") -> bool:
        """The same, if this is no dry run."""
        if self.action is not SwitchAction.RESUME:
            return False
        if other.action not in HELD_STATE or other.parsed.spec.dry_run or other.armed:
            return False
        if self.home and other.home != self.home:
            # A team lifts its own switches, never one of the whole cluster.
            return False
        made, theirs = self.parsed.metadata.creation_timestamp, other.parsed.metadata.creation_timestamp
        return made is not None and theirs is not None and theirs < made


def parse(obj: Object) -> Switch:
    """Raises pydantic's ValidationError."""
    if obj["kind"] == CLUSTER_FLEET_SWITCH_KIND:
        return Switch(ClusterFleetSwitch.model_validate(obj))
    return Switch(FleetSwitch.model_validate(obj))
