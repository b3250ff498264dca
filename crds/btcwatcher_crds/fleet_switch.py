"""The FleetSwitch and the ClusterFleetSwitch as types: one order to many bots at once, and what came of it at each.

Rendered like Strategy's. The two differ in reach only: a FleetSwitch reaches the Strategies of its own namespace, so
that the right to make one can be a team's; a ClusterFleetSwitch those of all.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from btcwatcher_crds.names import (
    API_VERSION,
    CLUSTER_FLEET_SWITCH_KIND,
    FLEET_SWITCH_KIND,
    FLEET_SWITCH_NAME_MAX_LENGTH,
)
from btcwatcher_crds.notification_channel import DURATION_PATTERN, Duration, LabelSelector
from btcwatcher_crds.rules import JsonSchema, name_rule, rules
from btcwatcher_crds.strategy import Amount, Conditions, Contract, Metadata, Mode

BOTS_MAX: Final = 1000
"""How many results one status holds; its counts are of all."""
LIFTED_MAX: Final = 32
"""By how many Resumes one switch can be lifted in part."""
BOT_MESSAGE_MAX_LENGTH: Final = 256
SAMPLES_MAX: Final = 32
"""How often the time of a loss limit is looked back at."""


class SwitchAction(StrEnum):
    PAUSE_ENTRIES = "PauseEntries"
    STOP = "Stop"
    CLOSE_TRADES = "CloseTrades"
    RESUME = "Resume"


class ExitOrderType(StrEnum):
    MARKET = "Market"
    LIMIT = "Limit"


_SET: JsonSchema = {"x-kubernetes-list-type": "set"}


class Selection(Contract):
    """Which Strategies: all that match in every way that is given; one that is left out takes any."""

    selector: LabelSelector = LabelSelector()
    """Labels of the Strategies; empty: all."""
    strategies: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=52)]],
        Field(max_length=BOTS_MAX, json_schema_extra=_SET),
    ] = Field(default_factory=list)
    """Their names; empty: all."""
    modes: Annotated[list[Mode], Field(max_length=2, json_schema_extra=_SET)] = Field(default_factory=list)
    """Their modes; empty: both."""
    exchanges: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=64, json_schema_extra=_SET)
    ] = Field(default_factory=list)
    """Their exchanges, by the names that spec.exchange.name has; empty: all."""


class ClusterSelection(Selection):
    namespaces: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=63)]], Field(max_length=256, json_schema_extra=_SET)
    ] = Field(default_factory=list)
    """Their namespaces; empty: all."""


class LossLimit(Contract):
    """A loss at which a switch begins to hold by itself."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("!string(self.amount).matches('^[0.]*$')", "amount must be above 0"),
            # What is no duration at all is refused by its own rule, in better words.
            (
                f"!self.within.matches('{DURATION_PATTERN}')"
                " || (duration(self.within) >= duration('1m') && duration(self.within) <= duration('720h'))",
                'within must be between "1m" and "720h"',
            ),
        )
    )

    amount: Amount
    """How much the selected bots may lose together, closed trades and open ones: a decimal string or a whole number."""
    currency: Annotated[str, Field(min_length=1, max_length=20)]
    """Of bots that trade in this stake currency; others are not counted, and held all the same."""
    within: Duration = "24h"
    """In which time, of the past until now; never from before the switch was made."""


_RULES: Final = rules(
    (
        "self == oldSelf",
        "a switch cannot be changed, so that its results stay true: delete it, which lifts it, and make another",
    ),
    (
        "!has(self.orderType) || self.action == 'CloseTrades'",
        "orderType is how trades are closed: it goes with action CloseTrades",
    ),
    (
        "!has(self.onLoss) || (self.action != 'Resume' && !(has(self.dryRun) && self.dryRun))",
        "onLoss is when bots are held: it does not go with action Resume or with dryRun; to see whom it would reach, "
        "make a switch with dryRun and without onLoss",
    ),
)


class _Order(Contract):
    """What both kinds are told beside the selection."""

    action: SwitchAction
    """PauseEntries: no new trades, open ones are looked after. CloseTrades: that, and every open trade is sold. Stop:
    no pod, and nobody looks after open trades. These hold until the switch is deleted or a Resume lifts it, for
    Strategies made later too. Resume lifts the switches that are older than itself, of its own reach."""
    order_type: Annotated[ExitOrderType | None, Field()] = None
    """Of CloseTrades: how to sell. Left out: as the strategy's own order_types say of a forced exit."""
    on_loss: LossLimit | None = None
    """Hold nobody until the selected bots have lost so much: by closed trades, and by what open ones have come down.
    From then on it is a switch like any other, until a person lifts it."""
    dry_run: bool = False
    """Say what would happen, bot by bot, and do nothing."""
    reason: Annotated[str, Field(max_length=512)] = ""
    """Why, for those who are told."""
    requested_by: Annotated[str, Field(max_length=253)] = ""
    """Who asks for it, as they say; the REST API writes the account."""


class FleetSwitchSpec(Selection, _Order):
    model_config = ConfigDict(json_schema_extra=_RULES)


class ClusterFleetSwitchSpec(ClusterSelection, _Order):
    model_config = ConfigDict(json_schema_extra=_RULES)


class BotPhase(StrEnum):
    """How far a switch is with one bot."""

    PENDING = "Pending"
    """The bot does not answer, or was not asked yet: it is tried again until it does."""
    IN_PROGRESS = "InProgress"
    """It was told, and is looked at until it has done so."""
    BLOCKED = "Blocked"
    """It cannot be done until a person does what the message says; looked at again when the Strategy changes."""
    DONE = "Done"
    """Done, and not done again."""


class BotResult(Contract):
    """What came of the switch at one bot."""

    strategy: Annotated[str, Field(max_length=127)]
    """<namespace>.<name>."""
    phase: BotPhase
    """How far it is."""
    message: Annotated[str, Field(max_length=BOT_MESSAGE_MAX_LENGTH)] = ""
    """A sentence for a person."""
    open_trades: Annotated[int | None, Field(ge=0)] = None
    """How many trades it last said are open."""
    closed_trades: Annotated[int | None, Field(ge=0)] = None
    """How many were seen to close since the switch began; CloseTrades only."""
    since: datetime | None = None
    """When it came into this phase."""


_Count = Annotated[int, Field(ge=0, le=1_000_000)]


class SwitchCounts(Contract):
    """Bots by phase."""

    selected: _Count = 0
    pending: _Count = 0
    in_progress: _Count = 0
    blocked: _Count = 0
    done: _Count = 0
    open_trades: _Count = 0
    """Trades that the selected bots last said are open."""
    closed_trades: _Count = 0
    """Trades that were seen to close since the switch began; CloseTrades only."""


class LiftedFor(ClusterSelection):
    """What a Resume has lifted of this switch; it holds also when the Resume is deleted."""

    by: Annotated[str, Field(max_length=320)]
    """The Resume: <kind>/<name>."""
    at: datetime | None = None
    """When."""


class OpenSample(Contract):
    """What the open trades of the selected bots stood at, at one time."""

    at: datetime
    """When."""
    profit: Annotated[str, Field(max_length=40)]
    """Of all together, in the currency of spec.onLoss: a decimal string."""


class CountedLoss(Contract):
    """What the selected bots have lost together, as the collector last wrote it down."""

    amount: Annotated[str, Field(max_length=40)]
    """In the currency of spec.onLoss, within its time: a decimal string; negative: a gain."""
    bots: _Count = 0
    """Selected bots that trade in this currency."""
    unknown: _Count = 0
    """Of these, bots that have not said how their open trades do: only closed ones are counted of them."""
    at: datetime | None = None
    """When it was counted."""
    opened: Annotated[list[OpenSample], Field(max_length=SAMPLES_MAX)] = Field(default_factory=list)
    """What open trades stood at, the oldest first: only what has changed since the beginning of the time counts."""


class FleetSwitchStatus(Contract):
    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation this status speaks of."""
    started_at: datetime | None = None
    """When the operator took it up; with onLoss, after the loss."""
    loss: CountedLoss | None = None
    """With onLoss: the loss so far; written now and then, and when the limit is reached. The collector's."""
    tripped_at: datetime | None = None
    """With onLoss: when the limit was reached; it stays. The collector's."""
    completed_at: datetime | None = None
    """When it was done at every bot that was selected then."""
    counts: SwitchCounts = SwitchCounts()
    """Bots by phase."""
    lifted: Annotated[
        list[LiftedFor],
        Field(
            max_length=LIFTED_MAX,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["by"]},
        ),
    ] = Field(default_factory=list)
    """For whom it no longer holds."""
    bots: Annotated[
        list[BotResult],
        Field(
            max_length=BOTS_MAX,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["strategy"]},
        ),
    ] = Field(default_factory=list)
    """A result for each bot, those first that are not done; the first 1000."""
    conditions: Conditions = Field(default_factory=list)
    """Active and Complete; Reconciling and Stalled while true."""


class SwitchMetadata(Metadata):
    namespace: str = ""
    """Empty: a ClusterFleetSwitch."""


class FleetSwitch(Contract):
    """One order to the bots of a namespace: pause entries, stop, close trades, or resume."""

    api_version: str = API_VERSION
    kind: str = FLEET_SWITCH_KIND
    metadata: SwitchMetadata
    spec: FleetSwitchSpec
    status: FleetSwitchStatus = FleetSwitchStatus()


class ClusterFleetSwitch(Contract):
    """The same for bots of all namespaces."""

    api_version: str = API_VERSION
    kind: str = CLUSTER_FLEET_SWITCH_KIND
    metadata: SwitchMetadata
    spec: ClusterFleetSwitchSpec
    status: FleetSwitchStatus = FleetSwitchStatus()


AnySwitch = FleetSwitch | ClusterFleetSwitch

FLEET_SWITCH_ROOT_RULES: Final = rules(name_rule(FLEET_SWITCH_NAME_MAX_LENGTH))
