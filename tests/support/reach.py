"""Who reaches whom under NetworkPolicies. Pure.

As https://kubernetes.io/docs/concepts/services-networking/network-policies has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Object = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ip: str = ""
    """Empty: not known."""


@dataclass(frozen=True)
class Address:
    """What is no pod: a node, a vendor, the API server."""

    ip: str


End = Pod | Address


def reaches(policies: Sequence[Object], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether both ends' policies let it through."""
    return _lets(policies, "Egress", source, target, port, protocol) and _lets(
        policies, "Ingress", target, source, port, protocol
    )


def _lets(policies: Sequence[Object], way: str, own: End, other: End, port: int, protocol: str) -> bool:
    if isinstance(own, Address):
        return True
    mine = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == own.namespace
        and way in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], own.labels)
    ]
    peers = "from" if way == "Ingress" else "to"
    return not mine or any(
        _port(rule.get("ports"), port, protocol) and _peer(rule.get(peers), own, other)
        for spec in mine
        for rule in spec.get(way.lower()) or []
    )


def _port(ports: Sequence[Object] | None, port: int, protocol: str) -> bool:
    return not ports or any(
        one.get("protocol", "TCP") == protocol and one["port"] <= port <= _last(one) for one in ports
    )


def _last(ports: Object) -> int:
    last: int = ports.get("endPort") or ports["port"]
    return last


def _peer(peers: Sequence[Object] | None, own: Pod, other: End) -> bool:
    return not peers or any(_is(peer, own, other) for peer in peers)


def _is(peer: Object, own: Pod, other: End) -> bool:
    if isinstance(other, Address):
        return "ipBlock" in peer and _within(peer["ipBlock"], other.ip)
    if "ipBlock" in peer:
        # A pod has an address too; where it is not known any may be it.
        return _within(peer["ipBlock"], other.ip) if other.ip else block_is_everything(peer["ipBlock"])
    in_namespace = (
        _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
        if "namespaceSelector" in peer
        else other.namespace == own.namespace
    )
    return in_namespace and _selects(peer.get("podSelector", {}), other.labels)


def _within(block: Object, ip: str) -> bool:
    address = ip_address(ip)
    return address in ip_network(block["cidr"]) and not any(
        address in ip_network(network) for network in block.get("except", ())
    )


def block_is_everything(block: Object) -> bool:
    return bool(block["cidr"] in ("0.0.0.0/0", "::/0"))


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    for wanted in selector.get("matchExpressions", ()):
        if wanted["operator"] == "Exists":
            if wanted["key"] not in labels:
                return False
            continue
        if wanted["operator"] != "In":
            raise NotImplementedError(wanted["operator"])
        if labels.get(wanted["key"]) not in wanted["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
