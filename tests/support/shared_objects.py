"""What the bots of a namespace share, as the operator is told to keep it in tests."""

from __future__ import annotations

from typing import Any

from btcwatcher_crds import names

Object = dict[str, Any]

NETWORK: Object = {
    "ingress": [{"ports": [{"port": 8081, "endPort": 9080}], "from": [{"podSelector": {}}]}],
    "egress": [
        {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}}]},
    ],
}
"""As BTCWATCHER_BOT_NETWORK_FILE has it."""

PLACES = {
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
}


def place(kind: str, namespace: str) -> str:
    """The path of the one of that kind."""
    return f"{PLACES[kind].format(namespace=namespace)}/{names.SHARED_NAME}"
