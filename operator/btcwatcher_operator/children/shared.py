"""What all bots of a namespace share, once per namespace: their ServiceAccount and their NetworkPolicy. Pure."""

from collections.abc import Mapping
from typing import Any

from btcwatcher_crds import names
from btcwatcher_operator.children.metadata import Object
from btcwatcher_operator.platform import Shared

_OF_A_BOT = {
    "matchExpressions": [
        {
            "key": names.LABEL_COMPONENT,
            "operator": "In",
            "values": [names.COMPONENT_BOT, names.COMPONENT_PREFLIGHT],
        },
        {"key": names.LABEL_STRATEGY, "operator": "Exists"},
    ]
}
"""The pods of bots, and those that try a changed revision."""


def shared_children(namespace: str, shared: Shared) -> list[Object]:
    """In the order they are made. They have no owner: they belong to all Strategies of the namespace."""
    built = [_service_account(namespace, shared)]
    if shared.network is not None:
        built.append(_network_policy(namespace, shared.network))
    return built


def _service_account(namespace: str, shared: Shared) -> Object:
    """An account without rights and without a token in the pod."""
    built: Object = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(namespace),
        "automountServiceAccountToken": False,
    }
    if shared.image_pull_secrets:
        built["imagePullSecrets"] = [{"name": name} for name in shared.image_pull_secrets]
    return built


def _network_policy(namespace: str, network: Mapping[str, Any]) -> Object:
    """Default deny, both ways, with what `network` lets through."""
    spec: Object = {"podSelector": _OF_A_BOT, "policyTypes": ["Ingress", "Egress"]}
    for way, peers in (("ingress", "from"), ("egress", "to")):
        # As the API server gives it back: it drops empty lists, and fills in the protocol.
        if rules := [_rule(rule, peers) for rule in network.get(way) or []]:
            spec[way] = rules
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(namespace),
        "spec": spec,
    }


def _rule(rule: Object, peers: str) -> Object:
    built: Object = {key: value for key, value in rule.items() if value or key not in ("ports", peers)}
    if ports := built.get("ports"):
        built["ports"] = [{"protocol": "TCP", **port} for port in ports]
    return built


def _metadata(namespace: str) -> dict[str, Any]:
    return {
        "name": names.SHARED_NAME,
        "namespace": namespace,
        "labels": {
            names.LABEL_NAME: names.APP_NAME,
            names.LABEL_MANAGED_BY: names.MANAGED_BY,
            names.LABEL_COMPONENT: names.COMPONENT_BOT,
        },
    }
