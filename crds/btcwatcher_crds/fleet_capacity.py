"""The FleetCapacity custom resource as types: how many more bots the cluster takes. The operator alone writes it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from btcwatcher_crds.names import FLEET_CAPACITY_NAME
from btcwatcher_crds.rules import rules
from btcwatcher_crds.strategy import Conditions, Contract

Dimension = Literal["cpu", "memory", "pods", "ephemeral-storage", "volumes", "nodes", "ports", "exchange"]
"""What can run out. `nodes`: no node that is ready and open for new pods takes such a pod at all."""
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Text = Annotated[str, Field(max_length=253)]
Decimal = Annotated[str, Field(max_length=32, pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
Quantity = Annotated[str, Field(max_length=32)]


class BotNeed(Contract):
    """What one bot is counted with: the larger of its request and, where Prometheus knows it, its p95."""

    cpu: Quantity = "0"
    """Cores, as a Kubernetes quantity such as 50m."""
    memory: Quantity = "0"
    """As a Kubernetes quantity such as 256Mi."""


class BotClass(Contract):
    """Strategies that are counted alike: of one strategyName and one exchange."""

    name: Text
    """spec.strategyName."""
    exchange: Text
    """spec.exchange.name."""
    strategies: Count
    """How many Strategies want a pod."""
    need: BotNeed
    """What one of them is counted with: the largest of the class."""
    source: Literal["Requests", "Observed"]
    """Observed: what they use at the candles' closes is more than they ask for."""
    free: Count
    """How many more of this class have a place."""


class Slots(Contract):
    """Places for bots of the most common class."""

    used: Count
    """Strategies that have a place on a node."""
    free: Count
    """How many more have one: of nodes, ports and the exchange's budget whichever is least."""
    free_with_largest_node_lost: Annotated[int | None, Field(ge=-10_000_000, le=10_000_000)] = None
    """What is left if the node with most places is lost and its pods move to others; below 0: so many find none."""
    largest_node: Annotated[str | None, Field(max_length=253)] = None
    """That node."""


class DimensionSlots(Contract):
    """How many more there were if nothing else could run out."""

    dimension: Dimension
    free: Count


class Stranded(Contract):
    """Free, and of no use to a bot of the most common class, because the node lacks something else."""

    cpu: Quantity = "0"
    memory: Quantity = "0"


class NodeSlots(Contract):
    """One node."""

    name: Text
    used: Count
    """Bots on it."""
    free: Count
    """How many more of the most common class it takes."""
    binding: Annotated[Dimension | None, Field()] = None
    """What it lacks first."""


class ExchangeBudget(Contract):
    """How many bots may ask an exchange, which limits by source address."""

    name: Text
    budget_per_address: Count
    """The operator's setting; with an Exchange what its budget of weight carries."""
    addresses: Count
    """The cluster's own, and one for each Proxy that its Strategies use; with an Exchange the cache's one."""
    used: Count
    free: Count
    """Over all addresses."""
    over: Count
    """Bots more than some address should carry."""
    weight_per_minute: Annotated[Count | None, Field()] = None
    """With an Exchange: what its cache may ask in a minute."""
    weight_asked: Annotated[Count | None, Field()] = None
    """Of that, what candles take: each pair in each timeframe once, however many bots trade it."""


class Advice(Contract):
    """What buying nodes of one type would mean for what waits and what is expected."""

    node_type: Text
    nodes: Count
    """How many."""
    bots_per_node: Count
    """Of the most common class, on an empty one."""
    cost: Annotated[Decimal | None, Field()] = None
    """Of all these nodes, in the catalogue's currency and period."""
    cost_per_bot: Annotated[Decimal | None, Field()] = None
    """Of a full node."""
    utilization_percent: Annotated[int, Field(ge=0, le=100)]
    """How full the fullest dimension of these nodes would be."""
    unplaced: Count
    """Bots that would find no place on any number of them: nodes of this type are too small."""


class Forecast(Contract):
    """From Prometheus' history of used slots; absent without it."""

    growth_per_day: Decimal
    """Bots a day, by the Theil-Sen slope of the last two weeks."""
    days_until_full: Annotated[int | None, Field(ge=0, le=3650)] = None
    """None while it does not grow, or for longer than ten years."""


class FleetCapacitySpec(Contract):
    """Nothing is wanted: it says what is."""


class FleetCapacityStatus(Contract):
    slots: Annotated[Slots | None, Field()] = None
    """Places for bots."""
    binding: Annotated[Dimension | None, Field()] = None
    """What runs out first."""
    bot: Annotated[BotNeed | None, Field()] = None
    """What a place is counted with: the need of the most common class."""
    pending: Annotated[Count | None, Field()] = None
    """Bots that no node has taken yet."""
    too_large: Annotated[Count | None, Field()] = None
    """Of these, such as no node could take even if it were empty."""
    dimensions: Annotated[list[DimensionSlots], Field(max_length=16)] = Field(default_factory=list)
    """What else would run out, and when."""
    stranded: Annotated[Stranded | None, Field()] = None
    """Free and of no use."""
    nodes: Annotated[list[NodeSlots], Field(max_length=1000)] = Field(default_factory=list)
    """By name, the first 1000."""
    classes: Annotated[list[BotClass], Field(max_length=100)] = Field(default_factory=list)
    """The most common first, 100 at most."""
    exchanges: Annotated[list[ExchangeBudget], Field(max_length=100)] = Field(default_factory=list)
    """By name."""
    forecast: Annotated[Forecast | None, Field()] = None
    """When it will be full."""
    advice: Annotated[list[Advice], Field(max_length=50)] = Field(default_factory=list)
    """The cheapest first; of the operator's catalogue of node types."""
    summary: Annotated[str, Field(max_length=1024)] = ""
    """All of it in a sentence or two."""
    conditions: Conditions = Field(default_factory=list)
    """Measured: whether the operator can read nodes and pods."""


FLEET_CAPACITY_ROOT_RULES: Final = rules(
    (
        f"self.metadata.name == '{FLEET_CAPACITY_NAME}'",
        f"there is one FleetCapacity, the operator's own, and its name is {FLEET_CAPACITY_NAME}",
    )
)
