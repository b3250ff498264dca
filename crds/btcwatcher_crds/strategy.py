"""The Strategy custom resource as types. The CRD's schema is rendered from these (see `render`).

Money and ratios are decimal strings: a float would lose what the user wrote. Every string, list and map is bounded,
so that the API server can price the CEL rules and no single object grows without limit.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from btcwatcher_crds.names import API_VERSION, NAME_MAX_LENGTH, STRATEGY_KIND
from btcwatcher_crds.rules import JsonSchema, forbidden, name_rule, preserve, rule, rules

# Kubernetes' own bounds
_OBJECT_NAME = {"max_length": 253}
_LABEL_VALUE_PATTERN: Final = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
_LABEL_KEY_PATTERN: Final = "^([a-z0-9][-a-z0-9.]*/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$"
_LABEL = Annotated[
    str,
    Field(
        max_length=63,
        json_schema_extra=rule(
            f"self.matches('{_LABEL_VALUE_PATTERN}')",
            "must be the value of a label: letters, digits, -, _ and ., the first and the last a letter or a digit",
        ),
    ),
]
_LABELS = rule(
    f"self.all(key, key.matches('{_LABEL_KEY_PATTERN}'))",
    "a label's name has letters, digits, -, _ and ., the first and the last a letter or a digit, and before it maybe"
    " a domain, such as example.com/team",
)
_PRIORITY_CLASS = Annotated[
    str,
    Field(
        **_OBJECT_NAME,
        json_schema_extra=rule(
            "self == '' || self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
            "must be an object's name: lower-case letters, digits, - and ., the first and the last a letter or a digit",
        ),
    ),
]
_KEY = Annotated[str, Field(max_length=317)]

SOURCE_MAX_BYTES: Final = 128 * 1024

Pair = Annotated[
    str,
    Field(
        min_length=3,
        max_length=64,
        json_schema_extra=rule(
            "self.contains('/')", "a pair is written BASE/QUOTE, such as BTC/USDT (futures: BTC/USDT:USDT)"
        ),
    ),
]

_RATIO: Final = "^(0([.][0-9]{1,9})?|1([.]0{1,9})?)$"

Ratio = Annotated[
    str,
    Field(
        max_length=12,
        json_schema_extra=rule(
            f"self.matches('{_RATIO}')",
            'must be a decimal string from "0" to "1", such as "0.75"',
        ),
    ),
]

_NUMBER: Final = "^[0-9]{1,18}([.][0-9]{1,18})?$"


class Contract(BaseModel):
    """Base of all contract types: camelCase on the wire, frozen, unknown fields ignored (a newer CRD may have more)."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )


class Mode(StrEnum):
    DRY_RUN = "DryRun"
    LIVE = "Live"


class State(StrEnum):
    RUNNING = "Running"
    PAUSED = "Paused"
    SUSPENDED = "Suspended"


class UpdateStrategy(StrEnum):
    AUTO = "Auto"
    MANUAL = "Manual"


class RetentionPolicy(StrEnum):
    RETAIN = "Retain"
    DELETE = "Delete"


class SignalLevel(StrEnum):
    STRONG = "Strong"
    MEDIUM = "Medium"
    WEAK = "Weak"
    IGNORE = "Ignore"


class LocalReference(Contract):
    name: Annotated[str, Field(min_length=1, **_OBJECT_NAME)]
    """Name of an object in the Strategy's namespace."""


class ConfigMapKeyReference(LocalReference):
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Key of the ConfigMap that holds the file."""


class Source(Contract):
    model_config = ConfigDict(
        json_schema_extra=rule(
            "(has(self.inline) ? 1 : 0) + (has(self.configMapRef) ? 1 : 0) == 1",
            "give exactly one of inline and configMapRef, or leave source out when the image ships the class",
        )
    )

    inline: Annotated[str | None, Field(min_length=1, max_length=SOURCE_MAX_BYTES)] = None
    """Python source of the strategy."""
    config_map_ref: ConfigMapKeyReference | None = None
    """A ConfigMap's key that holds the Python source."""


class Exchange(Contract):
    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            json_schema_extra=rule(
                "self.matches('^[a-z0-9_]+$')",
                "must be the name ccxt gives the exchange, in lower case, such as binance",
            ),
        ),
    ]
    """The exchange, by the name ccxt gives it."""
    pairs: Annotated[
        list[Pair],
        Field(min_length=1, max_length=500, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """The pairs to trade."""
    pair_blacklist: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]],
        Field(max_length=500, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default_factory=list)
    """Pairs never to trade; regular expressions, as freqtrade takes them."""
    credentials_ref: LocalReference | None = None
    """A Secret with keys key, secret, password, uid, walletAddress, privateKey; mounted, never read by the operator."""
    proxy_refs: Annotated[
        list[LocalReference],
        Field(
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = Field(default_factory=list)
    """Proxies for the exchange's traffic, in order of preference."""


def _digits(value: object) -> object:
    """Of a whole number, which YAML makes of digits without quotes and which loses nothing."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _or_whole(word: str, message: str) -> Any:
    """A decimal string of the contract, which may be written as a whole number too; `word`: what else it may be."""
    fits = f"string(self).matches('{_NUMBER}')"
    also = f"string(self) == '{word}' || {fits}" if word else fits

    def extend(schema: JsonSchema) -> None:
        del schema["type"]
        schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        schema["x-kubernetes-int-or-string"] = True
        schema.update(rule(f"type(self) == int ? int(self) >= 0 && int(self) <= {10**18 - 1} : {also}", message))

    return Field(max_length=40, json_schema_extra=extend)


Amount = Annotated[str, BeforeValidator(_digits), _or_whole("", 'must be a decimal string such as "1000" or "0.05"')]
"""A decimal string, which may be written as a whole number without quotes, too."""


class Stake(Contract):
    currency: Annotated[str, Field(min_length=1, max_length=20)] = "USDT"
    """The currency that trades are paid in."""
    amount: Annotated[
        str,
        BeforeValidator(_digits),
        _or_whole("unlimited", 'must be a decimal string such as "100", or "unlimited"'),
    ] = "100"
    """Amount of one trade: a decimal string or whole number; "unlimited" shares the balance among maxOpenTrades."""
    max_open_trades: Annotated[int, Field(ge=0, le=1000)] = 3
    """How many trades may be open at once."""
    dry_run_wallet: Amount = "1000"
    """Balance a dry run starts with: a decimal string or a whole number."""


class Thresholds(Contract):
    model_config = ConfigDict(
        json_schema_extra=rule(
            # What is no number at all is refused by its own rule, in better words than a failed conversion.
            f"[self.strong, self.medium, self.weak].exists(value, !value.matches('{_RATIO}'))"
            " || (double(self.strong) >= double(self.medium) && double(self.medium) >= double(self.weak))",
            "thresholds must be in order: strong >= medium >= weak",
        )
    )

    strong: Ratio = "0.8"
    """From this strength on a signal is Strong."""
    medium: Ratio = "0.6"
    """From this strength on a signal is Medium."""
    weak: Ratio = "0.4"
    """From this strength on a signal is Weak; below, it is kept and notifies nobody."""

    def level(self, strength: Decimal) -> SignalLevel:
        """The level of a signal of this strength (0 to 1)."""
        if strength >= Decimal(self.strong):
            return SignalLevel.STRONG
        if strength >= Decimal(self.medium):
            return SignalLevel.MEDIUM
        if strength >= Decimal(self.weak):
            return SignalLevel.WEAK
        return SignalLevel.IGNORE


class Notify(Contract):
    min_level: SignalLevel = SignalLevel.MEDIUM
    """Signals below this level are not for the channels named here."""
    channels: Annotated[
        list[Annotated[str, Field(min_length=1, **_OBJECT_NAME)]],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default_factory=list)
    """Names of NotificationChannels of this namespace that are told; those whose spec.strategies selects this Strategy
    are told besides."""


class Signals(Contract):
    thresholds: Thresholds = Thresholds()
    """How this Strategy's signals are graded."""
    default_strength: Ratio = "0.5"
    """Strength of a signal that does not bring its own."""
    token_generation: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1
    """Raise it to rotate the webhook token; the one before stays valid."""
    notify: Notify = Notify()
    """Who is told."""


class Expose(Contract):
    enabled: bool = True
    """Whether the bot's API is reachable from outside, where the platform has an Ingress or a Gateway."""


_NO_CREDENTIALS: Final = (
    "exchange credentials never stand in a config: put them into a Secret for spec.exchange.credentialsRef"
)


class CcxtOverrides(Contract):
    """Settings of ccxt itself, but no credentials."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra=preserve(
            forbidden(
                ("apiKey", "secret", "password", "uid", "login", "accountId", "walletAddress", "privateKey", "token"),
                _NO_CREDENTIALS,
            )
        ),
    )

    api_key: str | None = Field(default=None, max_length=1024)
    secret: str | None = Field(default=None, max_length=8192)
    password: str | None = Field(default=None, max_length=1024)
    uid: str | None = Field(default=None, max_length=1024)
    login: str | None = Field(default=None, max_length=1024)
    account_id: str | None = Field(default=None, max_length=1024)
    wallet_address: str | None = Field(default=None, max_length=1024)
    private_key: str | None = Field(default=None, max_length=8192)
    token: str | None = Field(default=None, max_length=8192)


class ExchangeOverrides(Contract):
    """Settings of freqtrade's exchange section, but no credentials: those belong into a Secret."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra=preserve(
            forbidden(
                ("key", "secret", "password", "uid", "accountId", "walletAddress", "privateKey"),
                _NO_CREDENTIALS,
            )
        ),
    )

    key: str | None = Field(default=None, max_length=1024)
    secret: str | None = Field(default=None, max_length=8192)
    password: str | None = Field(default=None, max_length=1024)
    uid: str | None = Field(default=None, max_length=1024)
    account_id: str | None = Field(default=None, max_length=1024)
    wallet_address: str | None = Field(default=None, max_length=1024)
    private_key: str | None = Field(default=None, max_length=8192)
    ccxt_config: CcxtOverrides | None = Field(default=None, alias="ccxt_config")
    ccxt_sync_config: CcxtOverrides | None = Field(default=None, alias="ccxt_sync_config")
    ccxt_async_config: CcxtOverrides | None = Field(default=None, alias="ccxt_async_config")


_FREE_OBJECT: JsonSchema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class Config(Contract):
    """Any freqtrade setting but those the operator owns, which are declared here so that CEL can refuse them."""

    model_config = ConfigDict(
        extra="allow",
        alias_generator=None,
        json_schema_extra=preserve(
            forbidden(
                ("api_server",),
                "api_server is the operator's: port and credentials come from it, exposure from spec.expose",
            ),
            forbidden(("webhook",), "webhook is the operator's: it is how signals arrive"),
            forbidden(
                ("telegram", "discord"),
                "telegram and discord are not the bot's business here: use spec.signals.notify",
            ),
            forbidden(
                ("strategy", "strategy_path", "strategy_list"),
                "the class and its source are spec.strategyName and spec.source",
            ),
            forbidden(("recursive_strategy_search",), "the source is spec.source: there is nothing to search"),
            forbidden(("db_url",), "db_url is the operator's: the database lies on the Strategy's own volume"),
            forbidden(("dry_run",), "dry_run is spec.mode: DryRun or Live"),
            forbidden(("bot_name",), "bot_name is the operator's: it is <namespace>.<name>"),
            forbidden(("initial_state",), "initial_state is spec.state: Running, Paused or Suspended"),
            forbidden(
                ("add_config_files",),
                "add_config_files names files that are not in the pod: merge them into spec.config",
            ),
        ),
    )

    api_server: Annotated[dict[str, Any] | None, Field(json_schema_extra=_FREE_OBJECT)] = None
    webhook: Annotated[dict[str, Any] | None, Field(json_schema_extra=_FREE_OBJECT)] = None
    telegram: Annotated[dict[str, Any] | None, Field(json_schema_extra=_FREE_OBJECT)] = None
    discord: Annotated[dict[str, Any] | None, Field(json_schema_extra=_FREE_OBJECT)] = None
    strategy: Annotated[str | None, Field(max_length=1024)] = None
    strategy_path: Annotated[str | None, Field(max_length=1024)] = None
    strategy_list: Annotated[list[Annotated[str, Field(max_length=1024)]] | None, Field(max_length=100)] = None
    recursive_strategy_search: bool | None = None
    db_url: Annotated[str | None, Field(max_length=1024)] = None
    dry_run: bool | None = None
    bot_name: Annotated[str | None, Field(max_length=1024)] = None
    initial_state: Annotated[str | None, Field(max_length=64)] = None
    add_config_files: Annotated[list[Annotated[str, Field(max_length=1024)]] | None, Field(max_length=100)] = None
    exchange: ExchangeOverrides | None = None

    def settings(self) -> dict[str, Any]:
        """The settings as the user wrote them."""
        return self.model_dump(exclude_unset=True, by_alias=True)


# As Kubernetes' own CRDs describe a resource quantity.
_DECIMAL: Final = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
_QUANTITY: Final = rf"^(\+|-)?{_DECIMAL}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_DECIMAL}))?$"

Quantity = Annotated[
    str | int,
    Field(
        json_schema_extra={
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": _QUANTITY,
            "x-kubernetes-int-or-string": True,
        }
    ),
]


class Resources(Contract):
    requests: Annotated[dict[_KEY, Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """What the scheduler keeps free for the bot."""
    limits: Annotated[dict[_KEY, Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """Where the kernel stops the bot."""


class Storage(Contract):
    size: Annotated[
        Quantity,
        Field(
            json_schema_extra=rule(
                "type(self) == int ? int(self) > 0 : string(self).matches('^[+]?[0-9.]*[1-9]')",
                'must be more than nothing, such as "1Gi"',
            )
        ),
    ] = "1Gi"
    """Size of the volume with the trade database."""
    storage_class_name: Annotated[str, Field(**_OBJECT_NAME)] = ""
    """The StorageClass; empty: the cluster's default."""
    retention_policy: RetentionPolicy = RetentionPolicy.RETAIN
    """Whether the volume outlives the Strategy."""


class PodTemplate(Contract):
    labels: Annotated[dict[_KEY, _LABEL], Field(max_length=64, json_schema_extra=_LABELS)] = Field(default_factory=dict)
    """Labels added to the pod."""
    annotations: Annotated[dict[_KEY, Annotated[str, Field(max_length=16384)]], Field(max_length=64)] = Field(
        default_factory=dict
    )
    """Annotations added to the pod."""
    node_selector: Annotated[dict[_KEY, _LABEL], Field(max_length=32, json_schema_extra=_LABELS)] = Field(
        default_factory=dict
    )
    """As in a pod."""
    tolerations: Annotated[
        list[Annotated[dict[str, Any], Field(json_schema_extra=_FREE_OBJECT)]], Field(max_length=32)
    ] = Field(default_factory=list)
    """As in a pod."""
    affinity: Annotated[dict[str, Any], Field(json_schema_extra=_FREE_OBJECT)] = Field(default_factory=dict)
    """As in a pod."""
    priority_class_name: _PRIORITY_CLASS = ""
    """As in a pod."""


class StrategySpec(Contract):
    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "self.mode != 'Live' || has(self.exchange.credentialsRef)",
                "mode Live needs spec.exchange.credentialsRef: the Secret with the exchange's API key",
            ),
            (
                # What is no number is refused by its own rule. "unlimited" is none either.
                "self.mode != 'DryRun' || [self.stake.amount, self.stake.dryRunWallet].exists(value,"
                f" type(value) != int && !string(value).matches('{_NUMBER}'))"
                " || double(self.stake.amount) <= double(self.stake.dryRunWallet)",
                "stake.amount must not be above stake.dryRunWallet: a dry run could never open a trade",
            ),
        )
    )

    strategy_name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            json_schema_extra=rule(
                "self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",
                "must be the name of a Python class, such as EmaCross: no path and no .py",
            ),
        ),
    ]
    """The class freqtrade runs."""
    source: Source | None = None
    """Where the class comes from; left out when the image ships it."""
    exchange: Exchange
    """Where and what to trade."""
    timeframe: Annotated[
        str,
        Field(
            max_length=8,
            json_schema_extra=rule(
                "self.matches('^[1-9][0-9]{0,3}[smhdwMy]$')",
                "must be a number and a unit, such as 1m, 5m, 1h or 1d",
            ),
        ),
    ]
    """Length of a candle."""
    mode: Mode = Mode.DRY_RUN
    """DryRun trades on paper; Live trades real money and needs credentials."""
    state: State = State.RUNNING
    """Running; Paused: no new entries, open trades looked after; Suspended: no pod; port, data and history stay."""
    update_strategy: UpdateStrategy | None = None
    """Auto applies a changed config at once; Manual waits for a restart. Unset: Auto for DryRun, Manual for Live."""
    stake: Stake = Stake()
    """How much to trade."""
    signals: Signals = Signals()
    """How signals are graded, and who is told."""
    expose: Expose = Expose()
    """The way in from outside."""
    config: Config = Config()
    """Any freqtrade setting, merged last."""
    image: Annotated[str, Field(max_length=512)] = ""
    """The bot's image; empty: the platform's default."""
    resources: Resources = Resources(requests={"cpu": "50m", "memory": "256Mi"}, limits={"memory": "768Mi"})
    """CPU and memory of the bot."""
    storage: Storage = Storage()
    """The volume with the trade database."""
    pod_template: PodTemplate = PodTemplate()
    """What else the pod should carry."""

    @property
    def effective_update_strategy(self) -> UpdateStrategy:
        if self.update_strategy is not None:
            return self.update_strategy
        return UpdateStrategy.MANUAL if self.mode is Mode.LIVE else UpdateStrategy.AUTO


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Contract):
    type: Annotated[str, Field(max_length=64)]
    """What it is about."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[str, Field(max_length=128)]
    """A word from the documented catalogue."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """A sentence for a person."""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the object this was said of."""
    last_transition_time: datetime | None = None
    """When the status last changed."""


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]


class StrategyStatus(Contract):
    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation this status speaks of."""
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """The bot's port of the pool; kept for the life of the Strategy."""
    url: Annotated[str | None, Field(max_length=1024)] = None
    """Where the bot's API and UI are reachable from outside."""
    image: Annotated[str | None, Field(max_length=512)] = None
    """The image that runs."""
    ready_revision: Annotated[str | None, Field(max_length=63)] = None
    """The revision that the bot was last ready with: a change is tried before it takes the place of this one."""
    conditions: Conditions = Field(default_factory=list)
    """The state, as conditions."""


class Metadata(Contract):
    """The part of an object's metadata that decisions look at."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Strategy(Contract):
    """One trading strategy: a freqtrade bot that is kept running."""

    api_version: str = API_VERSION
    kind: str = STRATEGY_KIND
    metadata: Metadata
    spec: StrategySpec
    status: StrategyStatus = StrategyStatus()


ROOT_RULES: Final = rules(name_rule(NAME_MAX_LENGTH))
