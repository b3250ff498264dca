"""What is said of an Exchange, from its spec and from what the cache says of itself: pure functions."""

from dataclasses import dataclass
from datetime import datetime

from btcwatcher_crds.conditions import ExchangeConditionType, ExchangeReason
from btcwatcher_crds.exchange import Exchange, WhenAway
from btcwatcher_crds.market_status import MarketStatus
from btcwatcher_crds.strategy import Condition, ConditionStatus
from btcwatcher_operator.resources import Object

_WELL = frozenset({ExchangeReason.SERVING, ExchangeReason.NOT_ASKED, ExchangeReason.SLOWED})
_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_SENTENCES = {
    WhenAway.WAIT: "bots try again until it does",
    WhenAway.DIRECT: "bots ask the exchange themselves",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    reason: ExchangeReason
    message: str

    @property
    def ready(self) -> ConditionStatus:
        return ConditionStatus.TRUE if self.reason in _WELL else ConditionStatus.FALSE


def outcome(exchange: Exchange, market_url: str, said: MarketStatus | None) -> Outcome:
    """`said` is None while the cache does not answer."""
    name = exchange.metadata.name
    if not market_url:
        return Outcome(
            ExchangeReason.CACHE_OFF,
            "the platform runs no market-data cache (market.enabled of the chart): bots ask the exchange themselves",
        )
    if not exchange.upstreams:
        return Outcome(
            ExchangeReason.UPSTREAMS_UNKNOWN,
            f"{name} is none of the exchanges whose addresses are known: name them in spec.upstreams; bots ask the "
            "exchange themselves until then",
        )
    state = said.exchanges.get(name) if said is not None else None
    if state is None:
        whom = "does not answer" if said is None else "does not know this Exchange yet"
        return Outcome(ExchangeReason.CACHE_AWAY, f"the cache {whom}: {_SENTENCES[exchange.spec.when_away]}")
    return Outcome(state.reason, state.message)


def status(exchange: Exchange, outcome: Outcome, now: datetime) -> Object | None:
    """The whole status, to be applied as it is; None where it says so already."""
    before = ready(exchange)
    generation = exchange.metadata.generation
    if (
        before is not None
        and (before.status, before.reason, before.message) == (outcome.ready, outcome.reason, outcome.message)
        and (exchange.status.observed_generation, before.observed_generation) == (generation, generation)
    ):
        return None
    same = before is not None and before.status is outcome.ready
    since = (before.last_transition_time if before and same else None) or now
    return {
        "observedGeneration": generation,
        "conditions": [
            {
                "type": ExchangeConditionType.READY.value,
                "status": outcome.ready.value,
                "reason": outcome.reason.value,
                "message": outcome.message,
                "observedGeneration": generation,
                "lastTransitionTime": since.strftime(_STAMP),
            }
        ],
    }


def ready(exchange: Exchange) -> Condition | None:
    return next((one for one in exchange.status.conditions if one.type == ExchangeConditionType.READY), None)
