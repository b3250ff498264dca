"""The HTTPRoute of the Gateway API, in place of the Ingress: by host name, or by path where a host each is too many."""

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.ingress import host
from btcwatcher_operator.children.metadata import Object, metadata
from btcwatcher_operator.platform import Platform


def path(strategy: Strategy) -> str:
    """Where the bot is below the base domain, without a trailing slash."""
    return f"/{strategy.metadata.namespace}/{strategy.metadata.name}"


def http_route(strategy: Strategy, port: int, platform: Platform) -> Object:
    """Raises ValueError when the platform names no Gateway."""
    gateway = platform.gateway
    if gateway is None:
        raise ValueError("the platform names no Gateway")
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": gateway.name,
        "namespace": gateway.namespace,
    }
    if gateway.section:
        parent["sectionName"] = gateway.section
    rule: Object = {
        "matches": [{"path": {"type": "PathPrefix", "value": path(strategy) if gateway.by_path else "/"}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": names.service(strategy.metadata.name), "port": port}],
    }
    if gateway.by_path:
        # freqtrade knows no prefix of its own; its API and websocket work behind one that is taken off.
        rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": rewrite}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(strategy, names.http_route(strategy.metadata.name)),
        "spec": {
            "parentRefs": [parent],
            "hostnames": [platform.base_domain if gateway.by_path else host(strategy, platform.base_domain)],
            "rules": [rule],
        },
    }
