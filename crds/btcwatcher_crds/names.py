"""Every name that two rooms must agree on: API group, labels, annotations, children, ports and mounts."""

from typing import Final

GROUP: Final = "btcwatcher.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

STRATEGY_KIND: Final = "Strategy"
STRATEGY_PLURAL: Final = "strategies"

PROXY_KIND: Final = "Proxy"
PROXY_PLURAL: Final = "proxies"
PROXY_NAME_MAX_LENGTH: Final = 63
PROXY_URL_KEY: Final = "url"
"""The key of a Proxy's Secret where spec.urlSecretRef names none."""

NOTIFICATION_CHANNEL_KIND: Final = "NotificationChannel"
NOTIFICATION_CHANNEL_PLURAL: Final = "notificationchannels"
NOTIFICATION_CHANNEL_NAME_MAX_LENGTH: Final = 63

EXCHANGE_KIND: Final = "Exchange"
EXCHANGE_PLURAL: Final = "exchanges"
EXCHANGE_NAME_MAX_LENGTH: Final = 63

MARKET_PORT: Final = 8090
"""Where the market-data cache listens. A bot asks it at /<Exchange>/<key of ccxt's urls.api>/<the rest>."""
MARKET_STATUS_PATH: Final = "/_status"
"""What the cache says of each Exchange, as `market_status.MarketStatus`."""

FLEET_CAPACITY_KIND: Final = "FleetCapacity"
FLEET_CAPACITY_PLURAL: Final = "fleetcapacities"
FLEET_CAPACITY_NAME: Final = "fleet"
"""The name of the only one."""

FLEET_SWITCH_KIND: Final = "FleetSwitch"
FLEET_SWITCH_PLURAL: Final = "fleetswitches"
CLUSTER_FLEET_SWITCH_KIND: Final = "ClusterFleetSwitch"
CLUSTER_FLEET_SWITCH_PLURAL: Final = "clusterfleetswitches"
FLEET_SWITCH_NAME_MAX_LENGTH: Final = 63

# A Strategy's pod carries `<name>-<controller revision hash>` as a label value: 63 - 11 characters are left.
NAME_MAX_LENGTH: Final = 52
NAME_PATTERN: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"

# Labels

LABEL_STRATEGY: Final = f"{GROUP}/strategy"
"""On every child: the name of the Strategy it belongs to; also how a retained PVC is known again."""

LABEL_COMPONENT: Final = "app.kubernetes.io/component"
"""On every child: `bot` for what makes up a bot, `preflight` for the Job that tries a changed revision, and its pod."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
"""On every child: `btcwatcher-operator`. What lacks it is foreign and is never overwritten."""

LABEL_NAME: Final = "app.kubernetes.io/name"
"""On every child: `freqtrade`."""

LABEL_INSTANCE: Final = "app.kubernetes.io/instance"
"""On every child: the Strategy's name, for tools that know only the recommended labels."""

LABEL_MODE: Final = f"{GROUP}/mode"
"""On the pod: DryRun or Live, so that a NetworkPolicy or a query can tell them apart."""

LABEL_REVISION: Final = f"{GROUP}/revision"
"""On pods, revision Secrets and preflight Jobs: the hash of the rendered config, the source and the pod around them."""

LABEL_ALLOW_LIVE: Final = f"{GROUP}/allow-live"
"""On a Namespace: with the value `true` its Strategies may trade real money (mode Live)."""

ALLOW_LIVE: Final = "true"

MANAGED_BY: Final = "btcwatcher-operator"
COMPONENT_BOT: Final = "bot"
COMPONENT_PREFLIGHT: Final = "preflight"
COMPONENT_OPERATOR: Final = "operator"
APP_NAME: Final = "freqtrade"

# Annotations

ANNOTATION_RESTARTED_AT: Final = f"{GROUP}/restartedAt"
"""On a Strategy: changing its value restarts the bot once, as `kubectl rollout restart` does."""

ANNOTATION_RECONCILE: Final = f"{GROUP}/reconcile"
"""On a Strategy: with the value `paused` the operator writes nothing but its status (condition ReconcilePaused)."""

ANNOTATION_TEST_REQUESTED_AT: Final = f"{GROUP}/testRequestedAt"
"""On a Proxy: changing its value has it tested at once, beside its regular tests."""

RECONCILE_PAUSED: Final = "paused"

ANNOTATION_ASKED: Final = f"{GROUP}/asked"
"""On a revision Secret: the hash of what the Strategy itself asks for; what else a revision holds is the platform's."""

ANNOTATION_BROUGHT_BY: Final = f"{GROUP}/broughtBy"
"""On a revision Secret that a roll-out brought: the hash of the platform's settings that were rolled out."""

# Field managers of server-side apply

FIELD_MANAGER: Final = "btcwatcher-operator"
"""Owns the fields of the children."""

STATUS_FIELD_MANAGER: Final = "btcwatcher-operator-status"
"""Owns the status of Strategies, Proxies and Exchanges and of the FleetCapacity."""

# The bot's container. Every file is reached by a path relative to the working directory, so that two bots
# with the same mounts can also run as plain processes on one machine.

BOT_WORKING_DIR: Final = "/bot"
MOUNT_REVISION: Final = "revision"
MOUNT_ACCESS: Final = "access"
MOUNT_CREDENTIALS: Final = "credentials"
MOUNT_PROXIES: Final = "proxies"
MOUNT_DATA: Final = "data"
MOUNT_RUN: Final = "run"
CONFIG_FILE: Final = "config.json"
SOURCE_FILE: Final = "strategy.py"
NETRC_FILE: Final = "netrc"
API_SERVER_FILE: Final = "api-server.json"
STATE_FILE: Final = "state.json"
READY_FILE: Final = f"{MOUNT_RUN}/ready"
ALIVE_FILE: Final = f"{MOUNT_RUN}/alive"
STARTED_FILE: Final = f"{MOUNT_RUN}/started"
STOPPED_FILE: Final = f"{MOUNT_RUN}/stopped"
"""Why freqtrade is in its state STOPPED, while it is: the readiness probe prints it, so that it comes into an Event."""
STOPPED_PREFIX: Final = "BotStopped: "

ENV_PROXIES: Final = "BTCWATCHER_PROXIES"
"""Names of the Strategy's Proxies in order of preference, with commas; each has its URL in a file of MOUNT_PROXIES."""

ENV_MARKET: Final = "BTCWATCHER_MARKET"
"""Where the market-data cache is, http://host:port: the wrapper's forwarder goes there without a Proxy."""
ENV_MARKET_DIRECT: Final = "BTCWATCHER_MARKET_DIRECT"
"""What to ask in place of the cache while it does not answer, as a JSON object: address in the cache -> the exchange's
own. Empty where bots wait for the cache."""

SHARED_NAME: Final = "btcwatcher-bots"
"""The ServiceAccount and the NetworkPolicy that all bots of a namespace share."""

CONTAINER_BOT: Final = "freqtrade"
CONTAINER_PREFLIGHT: Final = "preflight"
PORT_NAME: Final = "api"


def strategy_id(namespace: str, name: str) -> str:
    """The Strategy's id in URLs and logs: `<namespace>.<name>`. A namespace holds no dot: the first dot splits."""
    return f"{namespace}.{name}"


def split_strategy_id(identifier: str) -> tuple[str, str]:
    """Namespace and name of an id. Raises ValueError when it has no dot or an empty half."""
    namespace, _, name = identifier.partition(".")
    if not namespace or not name:
        raise ValueError(f"{identifier!r} is not <namespace>.<name>")
    return namespace, name


def stateful_set(strategy: str) -> str:
    return strategy


def pod(strategy: str) -> str:
    """The one pod a Strategy can have."""
    return f"{strategy}-0"


def service(strategy: str) -> str:
    return strategy


def ingress(strategy: str) -> str:
    return strategy


def http_route(strategy: str) -> str:
    return strategy


def volume_claim(strategy: str) -> str:
    return f"{strategy}-data"


def access_secret(strategy: str) -> str:
    """The mutable Secret with the bot's netrc and its API's credentials."""
    return f"{strategy}-access"


def revision_secret(strategy: str, revision: str) -> str:
    """The immutable Secret with one rendered config and its strategy source."""
    return f"{strategy}-{revision}"


def preflight_job(strategy: str, revision: str) -> str:
    """The Job that tries a revision. With 52 + 11 characters just short enough for a label value, which it becomes."""
    return f"{strategy}-{revision}"


def webhook_path(namespace: str, name: str) -> str:
    return f"/api/v1/signals/webhook/{strategy_id(namespace, name)}"
