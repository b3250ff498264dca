"""The operator's settings, from environment variables that begin with BTCWATCHER_."""

import socket
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from btcwatcher_crds.derive import check_key
from btcwatcher_crds.pod_requests import amounts
from btcwatcher_operator.capacity.advice import QUANTITY
from btcwatcher_operator.capacity.setup import Setup, catalogue
from btcwatcher_operator.leadership import LeaseSettings
from btcwatcher_operator.platform import Gateway, Platform, Shared

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Settings(BaseSettings):
    """Each field is the variable BTCWATCHER_<FIELD>. Raises pydantic's ValidationError naming what is wrong."""

    model_config = SettingsConfigDict(env_prefix="BTCWATCHER_", frozen=True, use_attribute_docstrings=True)

    webhook_url: str
    """Base URL at which bots reach the API, such as http://btcwatcher-api.btcwatcher.svc:8000."""
    webhook_key_file: Path
    """File with the key that webhook tokens are derived from; at least 32 bytes."""
    bot_key_file: Path
    """File with the key that bots' API credentials are derived from; at least 32 bytes."""
    bot_image: str = "btcwatcher/freqtrade:2026.9"
    """The bot's image where a Strategy names none."""
    bot_image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """Pull policy of the bot's image; empty: Kubernetes' default."""
    bot_listen_address: str = "0.0.0.0"  # noqa: S104 - a bot must be reachable from outside its pod
    """Where a bot's API listens."""
    bot_address: str = "http://{service}.{namespace}.svc:{port}"
    """Where a bot's API is reached, for fleet switches: {service} and {namespace} are those of its Service, {port} is
    its Strategy's."""
    hang_seconds: Annotated[int, Field(ge=30)] = 300
    """A bot whose loop has not come round for so many seconds is restarted."""
    volume_access_mode: Literal["ReadWriteOnce", "ReadWriteOncePod"] = "ReadWriteOnce"
    """Access mode of new volume claims. ReadWriteOncePod, where the storage offers it, keeps a second pod from the
    volume even on the same node. A claim that is there keeps the mode it was made with."""
    port_range: str = "8081-9080"
    """The port pool, first and last port."""
    base_domain: str = ""
    """Bots are reachable at <name>.<namespace>.<base domain>; empty: from inside the cluster only."""
    url_scheme: Literal["http", "https"] = "https"
    """Scheme of status.url."""
    url_port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """Port of status.url; unset: the scheme's own."""
    ingress_class: str = ""
    """IngressClass of the bots' Ingresses; empty: the cluster's default."""
    ingress_tls_secret: Annotated[str, Field(max_length=253)] = ""
    """Secret with the certificate of *.<namespace>.<base domain>, in each namespace with Strategies; empty: no TLS."""
    ingress_annotations: dict[str, str] = {}
    """Annotations of every Ingress, as a JSON object, such as {"cert-manager.io/cluster-issuer": "letsencrypt"}."""
    gateway_name: Annotated[str, Field(max_length=253)] = ""
    """Gateway (Gateway API) that leads to the bots, by an HTTPRoute each in place of an Ingress; empty: by Ingress."""
    gateway_namespace: Annotated[str, Field(max_length=63)] = ""
    """Namespace of that Gateway."""
    gateway_section: Annotated[str, Field(max_length=253)] = ""
    """Listener of that Gateway; empty: every one that allows it."""
    gateway_route_by: Literal["host", "path"] = "host"
    """host: <name>.<namespace>.<base domain>; path: <base domain>/<namespace>/<name>/."""
    exchange_defaults_file: Path | None = None
    """YAML or JSON file: exchange name -> freqtrade settings that lie under what a Strategy says."""
    market_url: str = ""
    """Base URL at which bots reach the market-data cache, such as http://btcwatcher-market.btcwatcher.svc:8090; empty:
    the platform has none, and Exchanges change nothing."""
    bot_network_file: Path | None = None
    """YAML or JSON file with the lists ingress and egress of a NetworkPolicy: who reaches bots' pods, and what they
    reach. The operator keeps it in every namespace with Strategies; without the file there is none."""
    bot_image_pull_secrets: Annotated[tuple[str, ...], NoDecode] = ()
    """Secrets with the credentials of the bots' image registry, in each namespace with Strategies, separated by commas:
    they are named by the ServiceAccount of the namespace's bots."""
    namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Namespaces to look after, separated by commas; empty: all."""
    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """How many Strategies are reconciled at a time."""
    rollout_percent: Annotated[float, Field(gt=0, le=100)] = 5
    """How many per cent of all Strategies a change of these settings restarts at once; one at least."""
    resync_seconds: Annotated[float, Field(gt=0)] = 600
    """How often everything is listed anew, with jitter."""
    replica: Annotated[str, Field(max_length=200)] = ""
    """Who this process is among the operator's replicas: its pod's name, from the downward API. A container that is
    started again in the same pod goes on at once then. Empty: nobody before."""
    prometheus_url: str = ""
    """Where Prometheus is asked what bots use and how the fleet grew, as http://host:9090; empty: nowhere, and capacity
    is counted by requests and says no day on which it is full."""
    prometheus_token_file: Path | None = None
    """File with a bearer token for Prometheus, if it wants one."""
    capacity_seconds: Annotated[float, Field(ge=0, le=3600)] = 30
    """How often nodes and pods are read for the FleetCapacity; 0: never. Never with BTCWATCHER_NAMESPACES: what fits
    is a question of the whole cluster."""
    bot_cpu: Annotated[str, Field(pattern=QUANTITY)] = "50m"
    """What a bot is counted with while there is no Strategy to learn it from: CPU."""
    bot_memory: Annotated[str, Field(pattern=QUANTITY)] = "256Mi"
    """The same: memory."""
    node_types_file: Path | None = None
    """YAML or JSON file: a list of node types that can be bought, each with name, cpu, memory, pods and, where known,
    price; without it nothing is advised."""
    exchange_budget: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = {}
    """How many bots may ask an exchange from one source address, as a JSON object such as {"binance": 3}; an exchange
    that is not named has no limit."""
    forecast_days: Annotated[int, Field(ge=1, le=365)] = 30
    """The advice is for what waits and for what these days are expected to bring."""
    lease_name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)] = "btcwatcher-operator"
    """The Lease whose holder is the active replica."""
    lease_namespace: Annotated[str, Field(max_length=63)] = ""
    """Its namespace, one of those looked after; empty: the first of BTCWATCHER_NAMESPACES, else the operator's own."""
    lease_seconds: Annotated[float, Field(ge=1, le=300)] = 15
    """How long the Lease lasts that is not renewed: so long after a replica was lost another one goes on."""
    canary_seconds: Annotated[float, Field(gt=0)] = 150
    """/healthz says 503 when what is written of the Lease was not seen by a watch for so long. Longer than
    BTCWATCHER_WATCH_TIMEOUT_SECONDS, after which a watch mends itself."""
    request_timeout_seconds: Annotated[float, Field(gt=0)] = 30
    """How long the API server may take to answer a request before it is sent again."""
    watch_timeout_seconds: Annotated[float, Field(gt=0)] = 70
    """A watch on which nothing came for so long is opened anew: its connection may be half open. API servers send a
    bookmark every minute."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where /metrics, /healthz and /readyz are served; 0: nowhere."""
    metrics_address: str = "0.0.0.0"  # noqa: S104 - Prometheus and the kubelet come from outside the pod
    """The address they are served at."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Level of the log."""

    @field_validator("namespaces", "bot_image_pull_secrets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("port_range")
    @classmethod
    def _range(cls, value: str) -> str:
        first, _, last = value.partition("-")
        if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= 65535):
            raise ValueError("must be <first>-<last>, such as 8081-9080")
        return value

    @field_validator("market_url")
    @classmethod
    def _market(cls, value: str) -> str:
        if value and not value.startswith("http://"):
            raise ValueError("must begin with http://: the cache speaks plain HTTP inside the cluster")
        return value.rstrip("/")

    @field_validator("bot_address")
    @classmethod
    def _bot_address(cls, value: str) -> str:
        try:
            said = value.format(service="s", namespace="n", port=1)
        except (KeyError, IndexError, ValueError):
            raise ValueError("may hold {service}, {namespace} and {port}, nothing else in braces") from None
        if not said.startswith(("http://", "https://")) or "{port}" not in value:
            raise ValueError("must begin with http:// or https:// and hold {port}")
        return value.rstrip("/")

    @field_validator("webhook_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("prometheus_url")
    @classmethod
    def _prometheus(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _gateway_is_whole(self) -> Self:
        if bool(self.gateway_name) != bool(self.gateway_namespace):
            raise ValueError("BTCWATCHER_GATEWAY_NAME and BTCWATCHER_GATEWAY_NAMESPACE go together: set both or none")
        if self.gateway_name and not self.base_domain:
            raise ValueError("BTCWATCHER_GATEWAY_NAME needs BTCWATCHER_BASE_DOMAIN: routes are made for its names")
        return self

    @model_validator(mode="after")
    def _lease_is_watched(self) -> Self:
        if self.lease_namespace and self.namespaces and self.lease_namespace not in self.namespaces:
            raise ValueError("BTCWATCHER_LEASE_NAMESPACE must be one of BTCWATCHER_NAMESPACES: its watch is the canary")
        return self

    @property
    def lease(self) -> LeaseSettings:
        own = SERVICE_ACCOUNT_NAMESPACE.read_text().strip() if SERVICE_ACCOUNT_NAMESPACE.exists() else "default"
        namespace = self.lease_namespace or (self.namespaces[0] if self.namespaces else own)
        replica = self.replica or f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        return LeaseSettings(namespace, self.lease_name, self.lease_seconds, replica)

    @property
    def ports(self) -> tuple[int, int]:
        first, _, last = self.port_range.partition("-")
        return int(first), int(last)

    def capacity(self) -> Setup | None:
        """None where it is not measured. Raises OSError or ValueError naming the file."""
        if not self.capacity_seconds or self.namespaces:
            return None
        return Setup(
            seconds=self.capacity_seconds,
            bot=amounts({"cpu": self.bot_cpu, "memory": self.bot_memory}),
            exchange_budget=self.exchange_budget,
            catalogue=catalogue(self.node_types_file),
            forecast_days=self.forecast_days,
            prometheus_url=self.prometheus_url,
            prometheus_token_file=self.prometheus_token_file,
        )

    def platform(self) -> Platform:
        """Reads the files that the settings name. Raises OSError or ValueError naming the file."""
        return Platform(
            webhook_url=self.webhook_url,
            webhook_key=check_key(
                self.webhook_key_file.read_bytes(), f"BTCWATCHER_WEBHOOK_KEY_FILE {self.webhook_key_file}"
            ),
            bot_key=check_key(self.bot_key_file.read_bytes(), f"BTCWATCHER_BOT_KEY_FILE {self.bot_key_file}"),
            image=self.bot_image,
            image_pull_policy=self.bot_image_pull_policy,
            listen_address=self.bot_listen_address,
            base_domain=self.base_domain,
            url_scheme=self.url_scheme,
            url_port=self.url_port,
            ingress_class=self.ingress_class,
            ingress_tls_secret=self.ingress_tls_secret,
            ingress_annotations=self.ingress_annotations,
            gateway=self._gateway(),
            hang_seconds=self.hang_seconds,
            volume_access_mode=self.volume_access_mode,
            market_url=self.market_url,
            exchange_defaults=_exchange_defaults(self.exchange_defaults_file),
        )

    def shared(self) -> Shared:
        """Reads the file that the settings name. Raises OSError or ValueError naming it."""
        return Shared(self.bot_image_pull_secrets, _bot_network(self.bot_network_file))

    def _gateway(self) -> Gateway | None:
        if not self.gateway_name:
            return None
        by_path = self.gateway_route_by == "path"
        return Gateway(self.gateway_name, self.gateway_namespace, self.gateway_section, by_path)


def _exchange_defaults(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None:
        return {}
    loaded = yaml.safe_load(path.read_text()) or {}
    if not isinstance(loaded, dict) or not all(isinstance(value, dict) for value in loaded.values()):
        raise ValueError(f"BTCWATCHER_EXCHANGE_DEFAULTS_FILE {path}: must map exchange names to freqtrade settings")
    return loaded


def _bot_network(path: Path | None) -> dict[str, list[dict[str, Any]]] | None:
    if path is None:
        return None
    loaded = yaml.safe_load(path.read_text())
    known = isinstance(loaded, dict) and set(loaded) == {"ingress", "egress"}
    if not known or not all(
        isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules) for rules in loaded.values()
    ):
        raise ValueError(f"BTCWATCHER_BOT_NETWORK_FILE {path}: must hold ingress and egress, each a list of rules")
    return {way: loaded[way] for way in ("ingress", "egress")}
