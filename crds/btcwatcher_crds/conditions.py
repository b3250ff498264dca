"""The closed catalogue of condition types and reasons of our custom resources, each with a sentence."""

from enum import StrEnum

from btcwatcher_crds.termination import TerminationReason


class ConditionType(StrEnum):
    """What a condition is about. Ready, ConfigValid and StorageReady are always there; the others only while true."""

    READY = "Ready"
    """True while the bot does what the spec asks: it trades, is paused or is suspended."""
    CONFIG_VALID = "ConfigValid"
    """Whether freqtrade itself accepts the config and the strategy that the spec asks for."""
    STORAGE_READY = "StorageReady"
    """Whether the volume with the trade database is bound."""
    CONFIG_DRIFT = "ConfigDrift"
    """True while the bot goes on with an older revision than the spec asks for; the reason says what that waits for."""
    RECONCILING = "Reconciling"
    """True while the operator or the cluster still works towards the spec (kstatus: in progress)."""
    STALLED = "Stalled"
    """True when only a person can help (kstatus: failed)."""
    LIVE_NOT_ALLOWED = "LiveNotAllowed"
    """True while mode is Live and the namespace does not allow it; a bot that trades already goes on, unchanged."""
    RECONCILE_PAUSED = "ReconcilePaused"
    """True while the annotation btcwatcher.io/reconcile is `paused`; False when it has a value that is not known."""
    HELD = "Held"
    """True while a fleet switch holds the Strategy, whatever spec.state says; the reason is the switch's action. False
    while the bot is told to go on after it was lifted."""


class Reason(StrEnum):
    """Why a condition is as it is. TerminationReason adds freqtrade's own."""

    RUNNING = "Running"
    """The bot's API answers and its trading loop comes round."""
    PAUSED = "Paused"
    """spec.state is Paused: the bot runs, opens no new trades and looks after open ones."""
    SUSPENDED = "Suspended"
    """spec.state is Suspended: no pod, by request; port, data and history stay."""
    SUSPENDING = "Suspending"
    """spec.state is Suspended and the pod is still ending."""
    STARTING = "Starting"
    """The pod is being made or the bot has not come round once yet."""
    PENDING = "Pending"
    """Not known yet: the preflight has not run."""
    VALID = "Valid"
    """The preflight passed."""
    BOUND = "Bound"
    """The volume claim is bound."""
    VOLUME_PENDING = "VolumePending"
    """The volume claim waits for a volume."""
    PORT_POOL_EXHAUSTED = "PortPoolExhausted"
    """Every port of the pool is taken."""
    SOURCE_MISSING = "SourceMissing"
    """The ConfigMap or key of spec.source.configMapRef is not there."""
    PROXY_MISSING = "ProxyMissing"
    """A Proxy of spec.exchange.proxyRefs is not there; a bot that runs goes on with those it has."""
    FOREIGN_OBJECT = "ForeignObject"
    """An object that is not the operator's has a child's name; it is left alone."""
    CREDENTIALS_MISSING = "CredentialsMissing"
    """The Secret of spec.exchange.credentialsRef is not there."""
    SPEC_INVALID = "SpecInvalid"
    """The spec does not satisfy the contract, though the API server took it."""
    CHILD_REFUSED = "ChildRefused"
    """The API server refuses a child, in its own words."""
    GATEWAY_API_MISSING = "GatewayAPIMissing"
    """The platform is set to lead to bots by HTTPRoutes, but the cluster does not know that kind."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """A ResourceQuota of the namespace refuses the pod."""
    UNSCHEDULABLE = "Unschedulable"
    """No node takes the pod, in the scheduler's words."""
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """The image cannot be pulled, in the kubelet's words."""
    CRASH_LOOPING = "CrashLooping"
    """The bot ends again and again; the message has its last error."""
    BOT_STOPPED = "BotStopped"
    """freqtrade has put itself into its state STOPPED, or was told to: it answers, and trades nothing."""
    HANGING = "Hanging"
    """The pod runs, but the bot's loop has stopped coming round or its API does not answer."""
    TERMINATING = "Terminating"
    """The Strategy is being deleted."""
    UPDATE_AVAILABLE = "UpdateAvailable"
    """A changed config waits for its user to restart the bot (updateStrategy Manual)."""
    PREFLIGHT_RUNNING = "PreflightRunning"
    """A Job tries the changed config while the bot goes on with the old one."""
    PREFLIGHT_FAILED = "PreflightFailed"
    """The changed config did not pass its preflight, or that could not run; the bot goes on with the old one."""
    ROLLOUT_WAITING = "RolloutWaiting"
    """A change that the platform makes to all bots has not come to this one yet: a few are changed at a time."""
    ROLLOUT_STOPPED = "RolloutStopped"
    """A change that the platform makes to all bots is stopped; the message names those that failed with it."""
    LIVE_NOT_ALLOWED = "LiveNotAllowed"
    """The namespace lacks the label btcwatcher.io/allow-live=true, which mode Live needs."""
    RECONCILE_PAUSED = "ReconcilePaused"
    """The annotation btcwatcher.io/reconcile asks for it."""
    ANNOTATION_UNKNOWN = "AnnotationUnknown"
    """An annotation has a value that says nothing."""
    PROGRESSING = "Progressing"
    """Work towards the spec goes on."""
    WAITS_FOR_USER = "WaitsForUser"
    """The spec or what it names must be changed by a person."""
    PAUSE_ENTRIES = "PauseEntries"
    """A fleet switch of this action holds the Strategy: the bot opens no new trades."""
    CLOSE_TRADES = "CloseTrades"
    """A fleet switch of this action holds the Strategy: the bot opens no new trades, and its open ones are closed."""
    STOP = "Stop"
    """A fleet switch of this action holds the Strategy: no pod."""
    RESUMING = "Resuming"
    """The fleet switch was lifted, and the bot is told to go on until it says that it does."""


AnyReason = Reason | TerminationReason


class ProxyConditionType(StrEnum):
    """What a condition of a Proxy is about."""

    HEALTHY = "Healthy"
    """True while the test URL answers through the proxy; Unknown before the first test."""


class ProxyReason(StrEnum):
    """Why a Proxy's condition is as it is."""

    TEST_PASSED = "TestPassed"
    """The test URL answered through the proxy."""
    TEST_FAILED = "TestFailed"
    """The proxy does not answer, refuses, or the test URL does not answer through it."""
    LOGIN_REFUSED = "LoginRefused"
    """The proxy refuses the user and password of its URL."""
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason
    """The Secret or key of spec.urlSecretRef is not there."""
    URL_INVALID = "UrlInvalid"
    """What the Secret holds is no http:// or socks5:// URL."""


class ChannelConditionType(StrEnum):
    """What a condition of a NotificationChannel is about."""

    READY = "Ready"
    """True while messages can be sent, as far as is known; Unknown before the first one."""
    PAUSED = "Paused"
    """True while nothing is sent because it kept failing; it is tried again by itself."""
    TEMPLATE_VALID = "TemplateValid"
    """Whether the channel's own template works; False: the default is used."""


class ChannelReason(StrEnum):
    """Why a NotificationChannel's condition, an attempt or a delivery is as it is."""

    SENT = "Sent"
    """The vendor's answer says that the message was taken."""
    NOT_TRIED = "NotTried"
    """Nothing was sent yet."""
    AUTH = "Auth"
    """The vendor refuses the credentials, or lets them write to nobody there."""
    RATE_LIMITED = "RateLimited"
    """The vendor takes no more messages for now."""
    REJECTED = "Rejected"
    """The vendor refuses the message or its receiver."""
    TIMEOUT = "Timeout"
    """The vendor did not answer in time; whether it took the message is unknown."""
    UNREACHABLE = "Unreachable"
    """No connection came about, or it broke."""
    VENDOR_ERROR = "VendorError"
    """The vendor says that it is in trouble itself."""
    UNEXPECTED_ANSWER = "UnexpectedAnswer"
    """The vendor's answer cannot be understood."""
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason
    """The Secret of spec.credentialsRef, or a key of it, is not there."""
    SECRET_INVALID = "SecretInvalid"  # noqa: S105 - a reason
    """What the Secret holds cannot be used."""
    WORKER_LOST = "WorkerLost"
    """The worker ended between sending and noting the outcome; the message may have arrived."""
    CHANNEL_MISSING = "ChannelMissing"
    """There is no NotificationChannel of this name."""
    SUSPENDED = "Suspended"
    """spec.suspend of the channel is true."""
    FILTERED = "Filtered"
    """The channel's own minLevel or priorities do not take it."""
    TOO_OLD = "TooOld"
    """It waited for longer than anybody wants to hear of it."""
    EXHAUSTED = "Exhausted"
    """The last attempt that it had failed too."""
    PAUSED = "Paused"
    """The channel kept failing."""
    RECOVERED = "Recovered"
    """A message was taken again."""
    TEMPLATE_VALID = "TemplateValid"
    """The channel's own template renders."""
    TEMPLATE_INVALID = "TemplateInvalid"
    """The channel's own template cannot be read or rendered; the message names the line."""
    SPEC_INVALID = "SpecInvalid"
    """The spec is not as the contract wants it, though the API server took it, or its endpoint cannot be called."""


class ExchangeConditionType(StrEnum):
    """What a condition of an Exchange is about."""

    READY = "Ready"
    """True while the cache answers bots with the exchange's market data; Unknown before it was heard of."""


class ExchangeReason(StrEnum):
    """Why an Exchange's condition is as it is."""

    SERVING = "Serving"
    """The cache answers, and the exchange answers it."""
    NOT_ASKED = "NotAsked"
    """The cache answers; no bot has asked it for this exchange yet."""
    SLOWED = "Slowed"
    """The budget of weight is used up: questions wait for the next minute."""
    BANNED = "Banned"
    """The exchange refuses the cache's address for a while (429 or 418): nothing is asked until then."""
    UPSTREAM_FAILING = "UpstreamFailing"
    """The exchange, or the proxy to it, does not answer the cache or answers with errors."""
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason
    """The Secret or key of spec.proxySecretRef is not there."""
    URL_INVALID = "UrlInvalid"
    """What the Secret of spec.proxySecretRef holds is no http:// or socks5:// URL."""
    UPSTREAMS_UNKNOWN = "UpstreamsUnknown"
    """Neither spec.upstreams nor the table of known exchanges says where the exchange is: bots do not use the cache."""
    CACHE_OFF = "CacheOff"
    """The platform runs no cache: bots ask the exchange themselves."""
    CACHE_AWAY = "CacheAway"
    """The cache does not answer: bots do what spec.whenAway says."""


class CapacityConditionType(StrEnum):
    """What a condition of the FleetCapacity is about."""

    MEASURED = "Measured"
    """True while the operator can read nodes and pods; else the rest of the status is older."""


class CapacityReason(StrEnum):
    """Why the FleetCapacity's condition is as it is."""

    MEASURED = "Measured"
    """Nodes and pods were read."""
    FORBIDDEN = "Forbidden"
    """The operator may not list nodes, or pods of all namespaces: it lacks a ClusterRole."""
    UNREADABLE = "Unreadable"
    """The API server's answer was an error, in its own words."""


class SwitchConditionType(StrEnum):
    """What a condition of a FleetSwitch or ClusterFleetSwitch is about."""

    ACTIVE = "Active"
    """True while it holds the Strategies that it selects, new ones too."""
    COMPLETE = "Complete"
    """True once it was done at every selected bot."""
    RECONCILING = "Reconciling"
    """True while the operator is at work on it (kstatus: in progress)."""
    STALLED = "Stalled"
    """True while only a person can help with what is left (kstatus: failed)."""


class SwitchReason(StrEnum):
    """Why a condition of a FleetSwitch or ClusterFleetSwitch is as it is."""

    ARMED = "Armed"
    """It holds nobody until the loss of spec.onLoss is reached."""
    HOLDS = "Holds"
    """It holds what it selects until it is deleted or lifted."""
    LIFTED = "Lifted"
    """A Resume has lifted it whole: it selects what this one selects."""
    DRY_RUN = "DryRun"
    """Nothing is done: it only says what would be."""
    ONCE = "Once"
    """A Resume lifts what is older than itself, and holds nothing."""
    SPEC_INVALID = "SpecInvalid"
    """The spec does not satisfy the contract, though the API server took it: nothing is done."""
    ALL_DONE = "AllDone"
    """Done at every selected bot."""
    NOTHING_SELECTED = "NothingSelected"
    """No Strategy matches; one that comes later and does is held from its start."""
    IN_PROGRESS = "InProgress"
    """Some bots are not done yet; those that do not answer are tried again until they do."""
    BLOCKED = "Blocked"
    """At some bots it cannot be done until a person does what their message says."""
