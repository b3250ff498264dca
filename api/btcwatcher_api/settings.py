"""Every setting of the API, from the environment (`BTCWATCHER_...`) or, in development, from arguments of Settings.

What is missing or too weak is refused at the start, with a sentence that names the variable.
"""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from btcwatcher_api.addresses import TrustedProxies
from btcwatcher_api.tables.retention import Retention
from btcwatcher_crds.derive import check_key

PREFIX: Final = "BTCWATCHER_"
_MIN_READ_TOKEN: Final = 24
_MIN_DISTINCT_BYTES: Final = 10
_PLACEHOLDERS: Final = (
    b"changeme",
    b"change-me",
    b"change_me",
    b"placeholder",
    b"your-secret",
    b"insecure",
    b"example",
)
"""What examples and templates hold where a key belongs."""
_DATABASE_SCHEMES: Final = ("postgresql://", "postgres://")


class Registration(StrEnum):
    """Who may make an account without an admin's help."""

    FIRST = "first"
    """The first user, and then nobody."""
    OPEN = "open"
    CLOSED = "closed"


class SettingsError(Exception):
    """The environment does not describe a working API; the message names every variable that is wrong."""


class EnvironmentSettings(BaseSettings):
    """Where settings come from."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", use_attribute_docstrings=True)


class DatabaseSettings(EnvironmentSettings):
    """What `migrate` needs."""

    database_url: SecretStr
    """Postgres, as `postgresql://user:password@host:port/database`."""
    partition_months_ahead: Annotated[int, Field(ge=1, le=24)] = 3
    """How many months of partitions are made before they are needed."""
    retention_signals_days: Annotated[int, Field(ge=35, le=36_500)] = 365
    """How long signals are kept, by their event's time: a month of them is dropped once all of it is older, and a
    signal that comes when it is older already is answered 422."""

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(_DATABASE_SCHEMES):
            raise ValueError("must begin with postgresql://")
        return value


class ServingSettings(EnvironmentSettings):
    """What every process needs that goes on running and answers for itself over HTTP."""

    host: str = "127.0.0.1"
    """Address on which /metrics, /healthz and /readyz are served; 0.0.0.0 in a container."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()


class ServiceSettings(DatabaseSettings, ServingSettings):
    """What every such process needs that has a database."""

    namespaces: str = ""
    """Namespaces that are looked after, separated by commas; empty: all."""

    @property
    def namespace_set(self) -> frozenset[str]:
        """The namespaces to serve; empty: all."""
        return frozenset(_split(self.namespaces))


class PoolSettings(ServiceSettings):
    """What every process needs that counts ports."""

    port_range: str = "8081-9080"
    """The operator's pool of ports, as <first>-<last>: give both the same."""

    @field_validator("port_range")
    @classmethod
    def _is_a_range(cls, value: str) -> str:
        first, _, last = value.partition("-")
        if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= 65535):
            raise ValueError("must be <first>-<last>, such as 8081-9080")
        return value

    @property
    def ports(self) -> tuple[int, int]:
        """First and last of the pool."""
        first, _, last = self.port_range.partition("-")
        return int(first), int(last)


class Settings(PoolSettings):
    """What `serve` needs."""

    webhook_key_file: Path
    """File with the platform's webhook key (32 bytes or more of text), from which every Strategy's token is derived."""
    read_token_file: Path
    """File with the bearer token that reads (24 characters or more), for machines."""
    accounts: bool = True
    """Whether people sign in. False: only the read token and bots are let in, and the auth endpoints answer 503."""
    signing_key_file: Path | None = None
    """File with the key that signs access tokens (32 bytes or more of text); needed unless accounts are off. All
    replicas need the same."""
    registration: Registration = Registration.FIRST
    """Who may register without an admin: `first` (the first user only, who is then an admin), `open` or `closed`."""
    access_token_minutes: Annotated[int, Field(ge=1, le=60)] = 10
    """How long an access token is good; also how long a role that was taken away still counts."""
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 14
    """How long a sign-in lasts that is not used."""
    trusted_proxies: str = ""
    """Addresses or networks of the proxies in front (an Ingress), separated by commas, whose X-Forwarded-For is
    believed. Only with it are sign-in attempts also counted by address; without it all callers behind an Ingress
    would have one, and a guesser could shut everybody out."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 in a container."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""
    workers: Annotated[int, Field(ge=1, le=32)] = 1
    """Processes that serve behind the one port; more than there are cores gain nothing. Each has its own connections
    to Postgres, its own watch of the Strategies, and counts sign-in attempts for itself. With more than one, each
    metric has a label `worker`."""
    public_url: str = ""
    """How the API is reached from outside, as `https://host` with a path prefix if there is one: what people are told
    to send signals to. Empty: the address that they asked at."""
    prometheus_url: str = ""
    """Where Prometheus is asked for figures of nodes, bots and the past, as `http://host:9090`; empty: nowhere, and
    answers say that it is not configured."""
    prometheus_token_file: Path | None = None
    """File with a bearer token for Prometheus, if it wants one."""
    collector_url: str = ""
    """Where the collector is, as `http://host:8001`, which asks the bots for the candles of the page's charts; empty:
    charts show none, and say so."""
    pod_namespace: Annotated[str, Field(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = (
        "default"
    )
    """The namespace that the API keeps its own ConfigMap in: its pod's."""
    allow_private_urls: bool = False
    """Whether URLs that users give may lead into our own network (loopback, link-local, private addresses)."""
    cors_origins: str = ""
    """Web pages that may call the API from a browser, as `https://host` separated by commas; empty: none."""
    namespaces: str = ""
    """Namespaces whose Strategies may send, separated by commas; empty: all."""
    log_level: str = "INFO"
    """DEBUG shows every accepted signal."""

    body_limit: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 256 * 1024
    """Largest webhook body, bytes."""
    ingest_queue: Annotated[int, Field(ge=1)] = 10_000
    """Signals that may wait for their commit; more are answered 503."""
    ingest_queue_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    """Bytes of signals that may wait for their commit."""
    ingest_batch: Annotated[int, Field(ge=1, le=5000)] = 500
    """Most signals in one commit."""
    ingest_patience_seconds: Annotated[float, Field(gt=0, le=30)] = 1.5
    """How long a webhook waits for its commit before it is answered 503; below the bot's time-out of 2 s, for
    freqtrade does not trade while it waits."""
    undated_window_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """Equal bodies without a time of their own are one event within this many seconds; keep it above the senders'
    retries and below the shortest candle (1m)."""

    pool_size: Annotated[int, Field(ge=1, le=100)] = 5
    """Connections kept for reading."""
    pool_max: Annotated[int, Field(ge=1, le=200)] = 20
    """Most connections for reading."""
    retention_deliveries_days: Annotated[int, Field(ge=35, le=36_500)] = 90
    """How long deliveries, all attempts to make them, and notices (alerts, messages by hand) are kept; a delivery that
    is still to be sent is kept, with its month and its notice."""
    retention_audit_days: Annotated[int, Field(ge=35, le=36_500)] = 730
    """How long the audit log is kept."""
    retention_statistics_days: Annotated[int, Field(ge=35, le=36_500)] = 1830
    """How long the hourly counts of signals are kept; they outlive the signals."""
    retention_capacity_days: Annotated[int, Field(ge=35, le=36_500)] = 365
    """How long it is kept how full the platform was."""
    streams_max: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Most listeners to the live signals in one process; more are answered 503."""
    query_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 30.0
    """A reading statement is ended after this."""

    @field_validator("public_url", "prometheus_url", "collector_url")
    @classmethod
    def _is_a_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
            raise ValueError("must begin with http:// or https:// and name a host, without ? and #")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in _split(value):
            parts = urlsplit(origin)
            # Nothing but scheme and host is compared: anything more would never match.
            if (
                parts.scheme not in ("http", "https")
                or not parts.hostname
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is no origin: give it as https://host, without a path; * is not taken")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        TrustedProxies(value)
        return value

    @model_validator(mode="after")
    def _pool_in_order(self) -> Self:
        if self.pool_max < self.pool_size:
            raise ValueError(f"{PREFIX}POOL_MAX must not be below {PREFIX}POOL_SIZE")
        return self

    @model_validator(mode="after")
    def _accounts_have_their_key(self) -> Self:
        if self.accounts and self.signing_key_file is None:
            raise ValueError(
                f"{variable('signing_key_file')} is not set: name a file made with `openssl rand -base64 48`, or set"
                f" {variable('accounts')}=false to run without accounts"
            )
        return self

    @property
    def origins(self) -> list[str]:
        """The origins that browsers may call from."""
        return [origin.lower() for origin in _split(self.cors_origins)]

    @property
    def retention(self) -> Retention:
        return Retention(
            signals=timedelta(days=self.retention_signals_days),
            deliveries=timedelta(days=self.retention_deliveries_days),
            audit_log=timedelta(days=self.retention_audit_days),
            statistics=timedelta(days=self.retention_statistics_days),
            capacity=timedelta(days=self.retention_capacity_days),
        )

    def webhook_key(self) -> bytes:
        """The platform's webhook key. Raises SettingsError naming the variable."""
        return read_key(self.webhook_key_file, variable("webhook_key_file"))

    def signing_key(self) -> bytes | None:
        """The key of access tokens, None without accounts. Raises SettingsError naming the variable."""
        if not self.accounts or self.signing_key_file is None:
            return None
        name = variable("signing_key_file")
        key = read_key(self.signing_key_file, name)
        if key == self.webhook_key():
            raise SettingsError(f"{name} holds the webhook key: each key has one purpose, make another")
        if len(set(key)) < _MIN_DISTINCT_BYTES or any(word in key.lower() for word in _PLACEHOLDERS):
            raise SettingsError(
                f"{name} ({self.signing_key_file}) holds a placeholder or what is easily guessed, so that anybody could"
                " sign tokens: make one with `openssl rand -base64 48`"
            )
        return key

    @property
    def access_lifetime(self) -> timedelta:
        return timedelta(minutes=self.access_token_minutes)

    @property
    def refresh_lifetime(self) -> timedelta:
        return timedelta(days=self.refresh_token_days)

    def read_token(self) -> str:
        """The bearer token for reading. Raises SettingsError naming the variable."""
        name = variable("read_token_file")
        try:
            token = _read(self.read_token_file, name).decode("ascii").strip()
        except UnicodeDecodeError:
            raise SettingsError(f"{name} ({self.read_token_file}) must hold ASCII text") from None
        if len(token) < _MIN_READ_TOKEN:
            raise SettingsError(
                f"{name} ({self.read_token_file}) holds {len(token)} characters; a token has at least "
                f"{_MIN_READ_TOKEN}: make one with `openssl rand -hex 24`"
            )
        return token


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{field.upper()}"


S = TypeVar("S", bound=EnvironmentSettings)


def load(kind: type[S], **overrides: Any) -> S:
    """Settings from the environment. Raises SettingsError naming every variable that is missing or wrong."""
    try:
        return kind(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(dict(one)) for one in error.errors())) from None


def _sentence(error: dict[str, Any]) -> str:
    location = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if not location:
        return message
    name = variable(str(location[0]))
    return f"{name} is not set" if error["type"] == "missing" else f"{name}: {message}"


def read_key(path: Path, name: str) -> bytes:
    """The key in a file that the variable `name` names. Raises SettingsError naming both."""
    try:
        return check_key(_read(path, name), f"{name} ({path})")
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}: cannot read {path}: {error.strerror}") from error
