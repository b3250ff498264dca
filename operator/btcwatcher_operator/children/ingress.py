"""The Ingress: the bot's API by host name, with portable fields only (controllers differ in rewriting paths)."""

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.metadata import Object, metadata


def host(strategy: Strategy, base_domain: str) -> str:
    return f"{strategy.metadata.name}.{strategy.metadata.namespace}.{base_domain}"


def ingress(strategy: Strategy, port: int, base_domain: str, ingress_class: str) -> Object:
    backend = {"service": {"name": names.service(strategy.metadata.name), "port": {"number": port}}}
    spec: Object = {
        "rules": [
            {
                "host": host(strategy, base_domain),
                "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
            }
        ]
    }
    if ingress_class:
        spec["ingressClassName"] = ingress_class
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(strategy, names.ingress(strategy.metadata.name)),
        "spec": spec,
    }
