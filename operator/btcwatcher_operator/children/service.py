"""The Service: the bot's API on the Strategy's port of the pool. Container, Service and status have one number."""

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.metadata import Object, metadata, selector


def service(strategy: Strategy, port: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(strategy, names.service(strategy.metadata.name)),
        "spec": {
            "type": "ClusterIP",
            # There is one pod to lead to, and one that has stopped trading is started again by its own API and UI.
            "publishNotReadyAddresses": True,
            "selector": selector(strategy),
            "ports": [{"name": names.PORT_NAME, "port": port, "targetPort": port, "protocol": "TCP"}],
        },
    }
