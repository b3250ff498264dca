"""What the platform gives every bot: the same for all Strategies of one operator."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

from btcwatcher_operator.children.canonical import short_hash


@dataclass(frozen=True, slots=True)
class Gateway:
    """A Gateway of the cluster that leads to the bots."""

    name: str
    namespace: str
    section: str = ""
    """The listener to attach to; empty: every one that allows it."""
    by_path: bool = False
    """True: https://<base domain>/<namespace>/<name>/; False: a host name for each bot."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the bots of a namespace have in common. It is no part of their pods: a change of it restarts nobody."""

    image_pull_secrets: tuple[str, ...] = ()
    """Secrets of the namespace with the credentials of the bots' image registry."""
    network: Mapping[str, Any] | None = None
    """The lists `ingress` and `egress` of the NetworkPolicy for bots' pods; None: there is none."""


@dataclass(frozen=True)
class Platform:
    webhook_url: str
    """Base URL at which bots reach the API, without a trailing slash."""
    webhook_key: bytes = field(repr=False)
    """Derives each Strategy's webhook token."""
    bot_key: bytes = field(repr=False)
    """Derives each bot's API credentials."""
    image: str
    """The bot's image where a Strategy names none."""
    image_pull_policy: str = ""
    """Empty: Kubernetes' default."""
    listen_address: str = "0.0.0.0"  # noqa: S104 - a bot must be reachable from outside its pod
    """Where a bot's API listens; all share 127.0.0.1 on the embedded cluster."""
    base_domain: str = ""
    """Bots are reachable at <name>.<namespace>.<base domain>; empty: from inside the cluster only."""
    url_scheme: str = "https"
    url_port: int | None = None
    """The port in `status.url`; None: the scheme's own."""
    ingress_class: str = ""
    """Empty: the cluster's default."""
    ingress_tls_secret: str = ""
    """Secret with the certificate of *.<namespace>.<base domain>, in each namespace; empty: no TLS in the Ingress."""
    ingress_annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of every Ingress."""
    gateway: Gateway | None = None
    """Where bots are attached by an HTTPRoute in place of an Ingress; None: by Ingress."""
    volume_access_mode: str = "ReadWriteOnce"
    """Access mode of new volume claims."""
    hang_seconds: int = 300
    """A bot whose loop has not come round for so long is restarted."""
    market_url: str = ""
    """Base URL at which bots reach the market-data cache, without a trailing slash; empty: there is none."""
    exchange_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Exchange name -> freqtrade settings that lie under what a Strategy says."""

    @cached_property
    def identity(self) -> str:
        """Hash of all that bots get from the platform, the operator's version included: it renders their config."""
        said = {name: value for name, value in asdict(self).items() if name not in ("webhook_key", "bot_key")}
        return short_hash([version("btc-watcher"), said])
