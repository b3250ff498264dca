"""HTTPRoutes of the Gateway API as routes of ours, whatever Gateway they name. Pure.

Host names, paths by prefix or exact, and a prefix that is replaced: what leads to a bot. Rules that ask for more
(headers, methods, weights, other filters) are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.ingress.routes import EXACT, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from btcwatcher_local.client.resources import Obj

_EVERYTHING = {"path": {"type": "PathPrefix", "value": "/"}}


def routes_of(http_route: Obj) -> list[Route]:
    """The rules with just one Service behind them."""
    spec = http_route.get("spec") or {}
    return [
        route
        for rule in spec.get("rules") or []
        for host in spec.get("hostnames") or [""]
        for route in _of_rule(http_route, str(host).lower(), rule)
    ]


def rewritten(route: Route, raw_path: str) -> str | None:
    """The request's path with its query as the Service gets it; None when the prefix is spelled in another way."""
    if route.replace_prefix is None:
        return raw_path
    prefix = route.path.rstrip("/")
    if not raw_path.startswith(prefix):
        return None
    rest = raw_path[len(prefix) :]
    joined = route.replace_prefix.rstrip("/") + rest
    return joined if joined.startswith("/") else f"/{joined}"


def _of_rule(http_route: Obj, host: str, rule: Obj) -> Iterator[Route]:
    backends = rule.get("backendRefs") or []
    if len(backends) != 1 or backends[0].get("kind", "Service") != "Service":
        return
    filters = rule.get("filters") or []
    if any(not _known(one) for one in filters):
        return
    replacement = next((one["urlRewrite"]["path"]["replacePrefixMatch"] for one in filters), None)
    for match in rule.get("matches") or [_EVERYTHING]:
        path = match.get("path") or _EVERYTHING["path"]
        if set(match) - {"path"} or path.get("type", "PathPrefix") not in ("PathPrefix", EXACT):
            continue
        yield Route(
            host,
            path.get("value") or "/",
            EXACT if path.get("type") == EXACT else "Prefix",
            resources.namespace(http_route),
            backends[0]["name"],
            backends[0].get("port") or 0,
            f"HTTPRoute {resources.namespace(http_route)}/{resources.name(http_route)}",
            replacement,
        )


def _known(one: Obj) -> bool:
    rewrite = one.get("urlRewrite") or {}
    by_prefix = (rewrite.get("path") or {}).get("type") == "ReplacePrefixMatch"
    return one.get("type") == "URLRewrite" and set(rewrite) == {"path"} and by_prefix
