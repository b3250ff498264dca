"""Which backend a request belongs to, and which pods stand behind it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from btcwatcher_local.client.resources import Obj

EXACT = "Exact"


@dataclass(frozen=True, slots=True)
class Route:
    """One path rule of an Ingress or HTTPRoute; host "" stands for every host."""

    host: str
    path: str
    path_type: str
    namespace: str
    service: str
    port: int | str
    owner: str
    """The Ingress or HTTPRoute, for messages."""
    replace_prefix: str | None = None
    """What stands in place of `path` in the request that the Service gets; None: nothing is changed."""


def routes_of(ingress: Obj) -> list[Route]:
    """All rules of an Ingress with a Service behind them, its default backend last."""
    spec, namespace, name = ingress.get("spec") or {}, resources.namespace(ingress), _owner("Ingress", ingress)
    found = []
    for rule in spec.get("rules") or []:
        for entry in (rule.get("http") or {}).get("paths") or []:
            service = (entry.get("backend") or {}).get("service")
            if service:
                found.append(
                    Route(
                        str(rule.get("host") or "").lower(),
                        entry.get("path") or "/",
                        entry.get("pathType") or "ImplementationSpecific",
                        namespace,
                        service["name"],
                        _port(service),
                        name,
                    )
                )
    if service := (spec.get("defaultBackend") or {}).get("service"):
        found.append(Route("", "/", "Prefix", namespace, service["name"], _port(service), name))
    return found


def _owner(kind: str, obj: Obj) -> str:
    return f"{kind} {resources.namespace(obj)}/{resources.name(obj)}"


def _port(service: Obj) -> int | str:
    port = service.get("port") or {}
    found: int | str = port.get("number") or port.get("name") or 0
    return found


def served(ingress: Obj, classes: Iterable[str]) -> bool:
    """Whether the Ingress is ours: of one of the classes, or of none at all; all of them when `classes` is empty."""
    wanted = set(classes)
    name = (ingress.get("spec") or {}).get("ingressClassName") or (
        resources.meta(ingress).get("annotations") or {}
    ).get("kubernetes.io/ingress.class")
    return not wanted or not name or name in wanted


def host_matches(pattern: str, host: str) -> bool:
    """`*.a.b` matches exactly one label before `.a.b`; "" matches everything."""
    if not pattern or pattern == host:
        return True
    if not pattern.startswith("*."):
        return False
    first, _, rest = host.partition(".")
    return bool(first) and rest == pattern[2:]


def path_matches(route: Route, path: str) -> bool:
    """Exact, or by whole path elements: `/foo` matches `/foo/bar` and not `/foobar`."""
    if route.path_type == EXACT:
        return route.path == path
    prefix = route.path.rstrip("/")
    return not prefix or path == prefix or path.startswith(prefix + "/")


def find(routes: Iterable[Route], host: str, path: str) -> Route | None:
    """The best route: exact host before wildcard before none, then exact path, then the longest prefix."""
    best: tuple[tuple[int, int, int], Route] | None = None
    for route in routes:
        if host_matches(route.host, host) and path_matches(route, path):
            rank = (
                0 if not route.host else 1 if route.host.startswith("*.") else 2,
                1 if route.path_type == EXACT else 0,
                len(route.path),
            )
            if best is None or rank > best[0]:
                best = (rank, route)
    return best[1] if best else None


def hosts(routes: Iterable[Route]) -> list[str]:
    return sorted({route.host for route in routes if route.host})


def host_of(header: str) -> str:
    """The name in a Host header: without port, in lower case."""
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


def endpoints(service: Obj, port: int | str, pods: Iterable[Obj]) -> list[tuple[str, int]]:
    """(address, port) of every ready pod the Service selects, for the Service port named by number or name."""
    entry = next(
        (item for item in service["spec"].get("ports") or [] if port in (item.get("port"), item.get("name"))),
        None,
    )
    selector = service["spec"].get("selector")
    if entry is None or not selector:
        return []
    found = []
    for pod in pods:
        labels = resources.labels(pod)
        if any(labels.get(key) != value for key, value in selector.items()) or resources.deleting(pod):
            continue
        ready = resources.condition_true(pod, "Ready") or service["spec"].get("publishNotReadyAddresses")
        address = (pod.get("status") or {}).get("podIP")
        number = _target(entry, pod)
        if ready and address and number:
            found.append((address, number))
    return found


def _target(entry: Obj, pod: Obj) -> int | None:
    target = entry.get("targetPort") or entry["port"]
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == target:
                return int(port["containerPort"])
    return int(target) if str(target).isdigit() else None
