"""The Exchange custom resource as types: that an exchange's market data is downloaded once for all bots, and how.

Of the whole cluster, as the address is that an exchange counts calls by. Its name is the exchange's in freqtrade.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from btcwatcher_crds.known_exchanges import KNOWN_EXCHANGES
from btcwatcher_crds.names import API_VERSION, EXCHANGE_KIND, EXCHANGE_NAME_MAX_LENGTH, PROXY_URL_KEY
from btcwatcher_crds.rules import name_rule, rule, rules
from btcwatcher_crds.strategy import Conditions, Contract, Metadata


class WhenAway(StrEnum):
    """What bots do while the cache does not answer."""

    WAIT = "Wait"
    DIRECT = "Direct"


ApiKey = Annotated[str, Field(min_length=1, max_length=64)]

Upstream = Annotated[
    str,
    Field(
        min_length=8,
        max_length=512,
        json_schema_extra=rule(
            "self.matches('^https?://[a-zA-Z0-9.:_-]+(/[^?#@[:space:]]*)?$')",
            "must be an http:// or https:// URL without user, query or fragment, such as https://api.binance.com/api/v3",
        ),
    ),
]


class ExchangeLimits(Contract):
    """Of all bots together, and of each host of the exchange: one budget for one address."""

    weight_per_minute: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    """How much the cache may ask a host in a minute, in the exchange's own weight (one for each call where it
    has none). Unset: three quarters of what a known exchange allows, 600 of another: signed calls need the rest."""
    max_concurrent: Annotated[int, Field(ge=1, le=256)] = 8
    """How many calls to a host may be under way at a time."""


class ExchangeSecretReference(Contract):
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of a Secret in the namespace where the cache runs, and mounted there (the chart's market.proxySecrets)."""
    key: Annotated[str, Field(min_length=1, max_length=253)] = PROXY_URL_KEY
    """Key of the Secret that holds the URL."""


class ExchangeSpec(Contract):
    upstreams: Annotated[
        dict[ApiKey, Upstream],
        Field(
            max_length=32,
            json_schema_extra=rule(
                "self.all(key, key.matches('^[a-zA-Z][a-zA-Z0-9_]*([.][a-zA-Z][a-zA-Z0-9_]*)?$')"
                " && !key.matches('([pP]rivate|^[swp]api)'))",
                "each key must be the name of public addresses in ccxt's urls.api, such as public, fapiPublic or "
                "public.spot: what is signed with an API key does not go through the cache where it has an address of "
                "its own",
            ),
        ),
    ] = Field(default_factory=dict)
    """Key of ccxt's urls.api -> the address that is asked for it. Empty: those of ccxt, for exchanges that are known
    here. Where it is not empty, no other key goes through the cache."""
    limits: ExchangeLimits = ExchangeLimits()
    """What the cache may ask of the exchange."""
    proxy_secret_ref: ExchangeSecretReference | None = None
    """A Secret's key with the URL, http:// or socks5://, of a proxy that the cache reaches the exchange through."""
    when_away: WhenAway = WhenAway.WAIT
    """What bots do while the cache does not answer. Wait: they try again, as with an exchange that is away; Direct:
    they ask the exchange themselves, each for itself, which many bots must not do for long."""


class ExchangeStatus(Contract):
    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation this status speaks of."""
    conditions: Conditions = Field(default_factory=list)
    """The state, as conditions."""


class ExchangeMetadata(Metadata):
    namespace: str = ""
    """None: it is of the whole cluster."""


class Exchange(Contract):
    """An exchange whose market data is downloaded once for all bots."""

    api_version: str = API_VERSION
    kind: str = EXCHANGE_KIND
    metadata: ExchangeMetadata
    spec: ExchangeSpec = ExchangeSpec()
    status: ExchangeStatus = ExchangeStatus()

    @property
    def upstreams(self) -> dict[str, str]:
        """Key of ccxt's urls.api -> the address that is asked for it; empty: nobody says where the exchange is."""
        known = KNOWN_EXCHANGES.get(self.metadata.name)
        found = self.spec.upstreams or (known.upstreams if known else {})
        return {key: address.rstrip("/") for key, address in found.items()}

    @property
    def passes_signed(self) -> bool:
        """Whether signed calls come through the cache too, because they have no address of their own."""
        known = KNOWN_EXCHANGES.get(self.metadata.name)
        return known.signed if known else True

    @property
    def candle_weight(self) -> int:
        """What one question for candles takes of the budget."""
        known = KNOWN_EXCHANGES.get(self.metadata.name)
        return known.candle_weight if known else 1

    @property
    def weight_per_minute(self) -> int:
        """What the cache may ask of each host in a minute."""
        known = KNOWN_EXCHANGES.get(self.metadata.name)
        return self.spec.limits.weight_per_minute or (known.weight_per_minute if known else UNKNOWN_WEIGHT_PER_MINUTE)


UNKNOWN_WEIGHT_PER_MINUTE: Final = 600
"""Of an exchange that is not known here: what the most careful of the large ones allow."""

EXCHANGE_ROOT_RULES: Final = rules(name_rule(EXCHANGE_NAME_MAX_LENGTH))
