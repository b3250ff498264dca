"""How the URLs of a Strategy's Proxies reach its pod: by a volume, so that the operator never has them in its hands."""

from collections.abc import Sequence
from dataclasses import dataclass

from btcwatcher_crds import names
from btcwatcher_operator.children.metadata import Object


@dataclass(frozen=True, slots=True)
class ProxySource:
    """Where a Proxy's URL lies. A change of it changes the pod, and so a running bot's revision."""

    name: str
    """The Proxy's name."""
    secret: str
    key: str


def environment(proxies: Sequence[ProxySource]) -> list[Object]:
    """Names and order. The bot knows by it that there are Proxies, also while no URL is there."""
    if not proxies:
        return []
    return [{"name": names.ENV_PROXIES, "value": ",".join(proxy.name for proxy in proxies)}]


def volume(proxies: Sequence[ProxySource]) -> list[Object]:
    """A file for each Proxy. Optional: a Secret that is missing must not keep a bot from starting with the others."""
    if not proxies:
        return []
    sources = [
        {"secret": {"name": proxy.secret, "items": [{"key": proxy.key, "path": proxy.name}], "optional": True}}
        for proxy in proxies
    ]
    return [{"name": names.MOUNT_PROXIES, "projected": {"sources": sources}}]
