"""What a Strategy needs beside itself: the ConfigMap with its source, Proxies, its exchange's cache, credentials."""

from btcwatcher_crds.conditions import Reason
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.bot_state import read
from btcwatcher_operator.children.market import Market, goes_its_own_way
from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.cluster import Cluster
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.obstacle import Blocked, Obstacle
from btcwatcher_operator.platform import Platform
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.resources import CONFIG_MAP, SECRET, Object


async def source_of(cluster: Cluster, strategy: Strategy) -> str | None:
    """The strategy's Python source; None when the image ships the class."""
    source = strategy.spec.source
    if source is None:
        return None
    if source.inline is not None:
        return source.inline
    reference = source.config_map_ref
    if reference is None:
        raise Blocked(Obstacle(Reason.SPEC_INVALID, "spec.source: give inline or configMapRef"))
    config_map = await cluster.get(CONFIG_MAP, strategy.metadata.namespace, reference.name)
    if config_map is None:
        raise Blocked(
            Obstacle(Reason.SOURCE_MISSING, f"spec.source.configMapRef: there is no ConfigMap {reference.name!r}")
        )
    text: str | None = config_map.get("data", {}).get(reference.key)
    if text is None:
        keys = ", ".join(sorted(config_map.get("data", {}))) or "none"
        raise Blocked(
            Obstacle(
                Reason.SOURCE_MISSING,
                f"spec.source.configMapRef: {reference.name!r} has no key {reference.key!r} (it has: {keys})",
            )
        )
    return text


def ways_of(proxies: ProxyBook, strategy: Strategy) -> list[ProxySource]:
    """The Proxies that the spec names. Raises Blocked: to leave one out would bring a restart when it comes."""
    wanted = [reference.name for reference in strategy.spec.exchange.proxy_refs]
    found, missing = proxies.sources(strategy.metadata.namespace, wanted)
    if missing:
        some = ", ".join(repr(name) for name in missing)
        raise Blocked(Obstacle(Reason.PROXY_MISSING, f"spec.exchange.proxyRefs: there is no Proxy {some}"))
    return found


def market_of(exchanges: ExchangeBook, platform: Platform, strategy: Strategy) -> Market | None:
    """The market-data cache that the bot uses; None where there is none, or the Strategy has a way of its own."""
    market = exchanges.market(strategy.spec.exchange.name)
    if market is None:
        return None
    asked = strategy.spec.config.settings()
    defaults = platform.exchange_defaults.get(strategy.spec.exchange.name, {})
    return None if goes_its_own_way(asked, defaults) else market


async def missing_credentials(cluster: Cluster, strategy: Strategy, pod: Object | None) -> Obstacle | None:
    """Whether the pod waits for a Secret that is not there. The kubelet says so only in Events.

    Asks for the Secret's metadata: its content never reaches the operator. When the Secret comes, the pod goes
    on, and its events bring us here again.
    """
    reference = strategy.spec.exchange.credentials_ref
    if reference is None or pod is None or read(pod).reason is not Reason.STARTING:
        return None
    if await cluster.exists(SECRET, strategy.metadata.namespace, reference.name):
        return None
    return Obstacle(
        Reason.CREDENTIALS_MISSING,
        f"spec.exchange.credentialsRef: there is no Secret {reference.name!r}; the bot starts when it is there",
    )
