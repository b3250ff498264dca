"""The fleet switches that the operator knows of, and what they hold a Strategy to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog
from pydantic import ValidationError

from btcwatcher_crds.selecting import Facts, facts_of
from btcwatcher_crds.strategy import State, Strategy
from btcwatcher_operator.fleet.known import HELD_STATE, Switch, parse
from btcwatcher_operator.ownership import trim
from btcwatcher_operator.resources import Object
from btcwatcher_operator.versions import Versions

log = structlog.get_logger()

STRICTNESS: Final = (State.RUNNING, State.PAUSED, State.SUSPENDED)
"""From the one that lets a bot do most."""


class SwitchKey(NamedTuple):
    kind: str
    namespace: str
    """Empty: of the cluster."""
    name: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The strictest switch that holds a Strategy."""

    switch: Switch

    @property
    def state(self) -> State:
        return HELD_STATE[self.switch.action]

    @property
    def sentence(self) -> str:
        reason = self.switch.parsed.spec.reason
        why = f" ({reason})" if reason else ""
        return f"{self.switch.title} holds it{why}; lift it with: {self.switch.lift}"


class SwitchBook:
    """Switches by kind, namespace and name. An older version never replaces a newer one."""

    def __init__(self) -> None:
        self._switches: Versions[SwitchKey, Switch] = Versions(key_of)

    def __len__(self) -> int:
        return len(self._switches)

    def __iter__(self) -> Iterator[Switch]:
        return self._switches.values()

    def get(self, key: SwitchKey) -> Switch | None:
        return self._switches.get(key)

    def put(self, obj: Object) -> bool:
        """Takes an object in. True when it may change whom the switches hold."""
        if not self._switches.is_news(obj):
            return False
        trim(obj)
        key = key_of(obj)
        try:
            switch = parse(obj)
        except ValidationError as error:
            # The API server took it by a schema that is not ours. What it held before is held on: letting bots trade
            # again because nobody can read why they do not would be the worse mistake.
            log.error("fleet_switch_not_understood", switch="/".join(key), cause=str(error.errors()[0]["msg"]))
            return False
        before = self.get(key)
        self._switches.put(obj, switch)
        return before is None or _holding(before) != _holding(switch)

    def remove(self, obj: Object) -> bool:
        """Drops one that was deleted; one made again under its name stays. True when it was there."""
        return self._switches.remove(obj) is not None

    def replace(self, items: list[Object], version: str, kind: str, namespace: str | None) -> bool:
        """Makes the book agree with a full LIST of a kind at `version`; whether that may change whom they hold."""
        changed = [self.put(item) for item in items]
        gone = self._switches.drop_unlisted(
            items, version, lambda key: key.kind == kind and (namespace is None or key.namespace == namespace)
        )
        return any(changed) or bool(gone)

    def hold(self, facts: Facts) -> Hold | None:
        """The strictest switch that holds the Strategy, of equals the oldest."""
        holding = [switch for switch in self if switch.holds(facts)]
        if not holding:
            return None
        return Hold(min(holding, key=_first))

    def hold_of(self, strategy: Object) -> Hold | None:
        return self.hold(facts_of(strategy)) if self else None


def _first(switch: Switch) -> tuple[int, str, str]:
    made = switch.parsed.metadata.creation_timestamp
    return -STRICTNESS.index(HELD_STATE[switch.action]), str(made), switch.title


def _holding(switch: Switch) -> object:
    """All of a switch that decides whom it holds."""
    parsed = switch.parsed
    status = parsed.status
    return parsed.metadata.uid, parsed.spec, status.lifted, status.tripped_at, parsed.metadata.deletion_timestamp


def held_to(strategy: Strategy, hold: Hold | None) -> Strategy:
    """The Strategy with the state that it is to be in: the stricter of what its spec and the switch say."""
    if hold is None or STRICTNESS.index(strategy.spec.state) >= STRICTNESS.index(hold.state):
        return strategy
    spec = strategy.spec.model_copy(update={"state": hold.state})
    return strategy.model_copy(update={"spec": spec})


def key_of(obj: Object) -> SwitchKey:
    metadata = obj["metadata"]
    return SwitchKey(obj["kind"], metadata.get("namespace") or "", metadata["name"])
