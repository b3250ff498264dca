"""The Ingress: the bot's API by host name, with portable fields only (controllers differ in rewriting paths)."""

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.metadata import Object, metadata
from btcwatcher_operator.platform import Platform


def host(strategy: Strategy, base_domain: str) -> str:
    return f"{strategy.metadata.name}.{strategy.metadata.namespace}.{base_domain}"


def ingress(strategy: Strategy, port: int, platform: Platform) -> Object:
    name = host(strategy, platform.base_domain)
    backend = {"service": {"name": names.service(strategy.metadata.name), "port": {"number": port}}}
    spec: Object = {
        "rules": [{"host": name, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    }
    if platform.ingress_class:
        spec["ingressClassName"] = platform.ingress_class
    if platform.ingress_tls_secret:
        spec["tls"] = [{"hosts": [name], "secretName": platform.ingress_tls_secret}]
    built_metadata = metadata(strategy, names.ingress(strategy.metadata.name))
    if platform.ingress_annotations:
        built_metadata["annotations"] = dict(platform.ingress_annotations)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": built_metadata,
        "spec": spec,
    }
