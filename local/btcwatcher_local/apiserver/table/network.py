"""Rows of services, endpoints and ingresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import get_path
from .columns import AGE, NAME, NONE, Column, first_of, labels_text, selector_text, wide

if TYPE_CHECKING:
    from ..objects import JsonObject


def _addresses(obj: JsonObject) -> list[str]:
    entries: list[Any] = get_path(obj, "status", "loadBalancer", "ingress") or []
    return [str(e.get("ip") or e.get("hostname") or "") for e in entries]


def _external(obj: JsonObject) -> str:
    spec = obj.get("spec") or {}
    listed = list(spec.get("externalIPs") or [])
    match spec.get("type"):
        case "LoadBalancer":
            return ",".join([*_addresses(obj), *listed]) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return ",".join(listed) or NONE


def _ports(obj: JsonObject) -> str:
    parts = []
    for port in get_path(obj, "spec", "ports") or []:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        parts.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(parts) or NONE


SERVICE = (
    NAME,
    Column("Type", lambda o: get_path(o, "spec", "type") or ""),
    Column("Cluster-IP", lambda o: get_path(o, "spec", "clusterIP") or NONE),
    Column("External-IP", _external),
    Column("Port(s)", _ports),
    AGE,
    wide("Selector", lambda o: labels_text(get_path(o, "spec", "selector"))),
)


def _endpoints(obj: JsonObject) -> str:
    listed = []
    for subset in obj.get("subsets") or []:
        ports = subset.get("ports") or []
        for address in subset.get("addresses") or []:
            ip = address.get("ip", "")
            listed.extend([f"{ip}:{p.get('port')}" for p in ports] or [ip])
    return first_of(listed)


ENDPOINTS = (NAME, Column("Endpoints", _endpoints), AGE)


def _slice_ports(obj: JsonObject) -> str:
    listed = [str(p.get("port") or "*") for p in obj.get("ports") or []]
    return first_of(listed) if listed else "<unset>"


def _slice_endpoints(obj: JsonObject) -> str:
    listed = [a for e in obj.get("endpoints") or [] for a in e.get("addresses") or []]
    return first_of(listed) if listed else "<unset>"


ENDPOINT_SLICE = (
    NAME,
    Column("AddressType", lambda o: o.get("addressType", "")),
    Column("Ports", _slice_ports),
    Column("Endpoints", _slice_endpoints),
    AGE,
)


def _hosts(obj: JsonObject) -> str:
    rules = get_path(obj, "spec", "rules") or []
    return first_of([r["host"] for r in rules if r.get("host")]) if any(r.get("host") for r in rules) else "*"


INGRESS = (
    NAME,
    Column("Class", lambda o: get_path(o, "spec", "ingressClassName") or NONE),
    Column("Hosts", _hosts),
    Column("Address", lambda o: ",".join(_addresses(o))),
    Column("Ports", lambda o: "80, 443" if get_path(o, "spec", "tls") else "80"),
    AGE,
)


def _parameters(obj: JsonObject) -> str:
    about = get_path(obj, "spec", "parameters")
    if not about:
        return NONE
    group = f".{about['apiGroup']}" if about.get("apiGroup") else ""
    return f"{about.get('kind', '')}{group}/{about.get('name', '')}"


INGRESS_CLASS = (
    NAME,
    Column("Controller", lambda o: get_path(o, "spec", "controller") or ""),
    Column("Parameters", _parameters),
    AGE,
)

NETWORK_POLICY = (NAME, Column("Pod-Selector", lambda o: selector_text(get_path(o, "spec", "podSelector"))), AGE)
