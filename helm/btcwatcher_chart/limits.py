"""What a value may be, beyond the type of its default: the one part of the schema that values.yaml cannot say.

`*` stands for each of the processes. Settings that operator and API check themselves have the same limits here, so that
`helm install` refuses what a pod would refuse later.
"""

from typing import Any, Final

from btcwatcher_chart.values import COMPONENTS

Schema = dict[str, Any]

LABEL_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
HOST = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$"
CIDR = r"^(([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*/[0-9]{1,3})$"
ADDRESS = r"^[0-9a-fA-F.:]+$"
PORT_NUMBER = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"


def text(pattern: str, *, empty: bool = False, longest: int = 253) -> Schema:
    return {"type": "string", "pattern": f"^$|{pattern}" if empty else pattern, "maxLength": longest}


def whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def choice(*of: str) -> Schema:
    return {"type": "string", "enum": list(of)}


def listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def closed(properties: dict[str, Schema], *required: str) -> Schema:
    made: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**made, "required": list(required)} if required else made


def map_of(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


STRING: Final[Schema] = {"type": "string"}
FREE: Final[Schema] = {"type": "object"}
"""Kubernetes checks it, or freqtrade."""
STRINGS: Final = map_of(STRING)
AMOUNT: Final[Schema] = {"anyOf": [text(QUANTITY), {"type": "number", "exclusiveMinimum": 0}]}
PORT: Final = whole(1, 65535)
DAYS: Final = whole(35, 36_500)
"""As the API's settings have it: what is kept goes by the month."""
RESOURCES: Final = closed({"requests": map_of(AMOUNT), "limits": map_of(AMOUNT)})
PROBE: Final = closed(
    {
        name: whole(least, 86_400)
        for name, least in (
            ("initialDelaySeconds", 0),
            ("periodSeconds", 1),
            ("timeoutSeconds", 1),
            ("failureThreshold", 1),
        )
    }
)
ENVIRONMENT: Final = listed(
    {
        **closed({"name": {"type": "string", "minLength": 1}, "value": STRING, "valueFrom": FREE}, "name"),
        "not": {"required": ["value", "valueFrom"]},
    }
)
TOLERATIONS: Final = listed(
    closed(
        {
            "key": STRING,
            "operator": choice("Exists", "Equal", "Lt", "Gt"),
            "value": STRING,
            "effect": choice("NoSchedule", "PreferNoSchedule", "NoExecute"),
            "tolerationSeconds": {"type": "integer"},
        }
    )
)
AFFINITY: Final = closed({"nodeAffinity": FREE, "podAffinity": FREE, "podAntiAffinity": FREE})
SELECTOR: Final = closed({"matchLabels": STRINGS, "matchExpressions": listed(FREE)})
PEERS: Final = listed(
    {
        **closed(
            {
                "podSelector": SELECTOR,
                "namespaceSelector": SELECTOR,
                "ipBlock": closed({"cidr": text(CIDR), "except": listed(text(CIDR))}, "cidr"),
            }
        ),
        "minProperties": 1,
    }
)
URL: Final = text("^https?://[^/?#]+[^?#]*$", empty=True, longest=2048)
ORIGIN: Final = text("^https?://[^/?#*]+$", longest=2048)
NAME: Final = text(LABEL_NAME, empty=True)
NODE_TYPE: Final = closed(
    {
        "name": text("^[^\\s].*$", longest=63),
        "cpu": AMOUNT,
        "memory": AMOUNT,
        "pods": whole(1, 10_000),
        "price": {"anyOf": [{"type": "number", "minimum": 0}, text(r"^[0-9]+(\.[0-9]+)?$")]},
    },
    "name",
    "cpu",
    "memory",
    "pods",
)
SHARE: Final = text("^(100|[1-9]?[0-9])%$")

_LIMITS: Final[dict[str, Schema]] = {
    "fullnameOverride": text("^[a-z]([-.a-z0-9]*[a-z0-9])?$", empty=True, longest=40),
    "commonLabels": STRINGS,
    "commonAnnotations": STRINGS,
    "imagePullSecrets": listed(closed({"name": text(HOST)}, "name")),
    "namespaces": {**listed(text(LABEL_NAME, longest=63)), "uniqueItems": True},
    "keys.resources": RESOURCES,
    "keys.existingSecret": text(HOST, empty=True),
    "database.existingSecret.name": text(HOST, empty=True),
    "database.existingSecret.key": text("^[-._a-zA-Z0-9]+$"),
    "database.bundled.image.pullPolicy": choice("", "Always", "IfNotPresent", "Never"),
    "database.bundled.storage.size": AMOUNT,
    "database.bundled.resources": RESOURCES,
    "*.replicas": whole(0, 100),
    "*.updateStrategy": choice("RollingUpdate", "Recreate"),
    "*.image.pullPolicy": choice("", "Always", "IfNotPresent", "Never"),
    "*.resources": RESOURCES,
    "*.logLevel": choice("DEBUG", "INFO", "WARNING", "ERROR"),
    "*.host": text(ADDRESS),
    "*.port": PORT,
    "*.probes.startup": PROBE,
    "*.probes.liveness": PROBE,
    "*.probes.readiness": PROBE,
    "*.extraEnv": ENVIRONMENT,
    "*.podLabels": STRINGS,
    "*.podAnnotations": STRINGS,
    "*.nodeSelector": STRINGS,
    "*.tolerations": TOLERATIONS,
    "*.affinity": AFFINITY,
    "operator.workers": whole(1, 256),
    "operator.rolloutPercent": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
    "operator.leaseSeconds": {"type": "number", "minimum": 1, "maximum": 300},
    "operator.metricsAddress": text(ADDRESS),
    "operator.metricsPort": PORT,
    "api.drainSeconds": whole(0, 300),
    "api.publicUrl": URL,
    "api.registration": choice("first", "open", "closed"),
    "api.trustedProxies": listed({"anyOf": [text(CIDR), text(ADDRESS)]}),
    "api.corsOrigins": listed(ORIGIN),
    "api.retention.signals": DAYS,
    "api.retention.deliveries": DAYS,
    "api.retention.audit": DAYS,
    "api.retention.statistics": DAYS,
    "api.retention.capacity": DAYS,
    "api.service.type": choice("ClusterIP", "NodePort", "LoadBalancer"),
    "api.service.annotations": STRINGS,
    "api.ingress.annotations": STRINGS,
    "api.ingress.host": text(HOST, empty=True),
    "api.ingress.tlsSecret": text(HOST, empty=True),
    "api.httpRoute.gateway.namespace": NAME,
    "api.httpRoute.hostnames": listed(text(HOST)),
    "api.podDisruptionBudget.minAvailable": {"anyOf": [whole(0, 100), SHARE]},
    "api.autoscaling.minReplicas": whole(1, 100),
    "api.autoscaling.maxReplicas": whole(1, 100),
    "api.autoscaling.targetCPUUtilizationPercentage": whole(1, 1000),
    "worker.forbiddenNetworks": listed(text(CIDR)),
    "api.collectorUrl": URL,
    "collector.botAddress": URL,
    "screen.metricsPort": PORT,
    "screen.publicUrl": {"anyOf": [ORIGIN, {"const": ""}]},
    "screen.sessionHours": {"type": "number", "minimum": 0.01, "maximum": 720},
    "screen.botAddress": URL,
    "screen.frequi.image.pullPolicy": choice("", "Always", "IfNotPresent", "Never"),
    "screen.frequi.path": text("^/[^\\s]*$", longest=1024),
    "screen.frequi.resources": RESOURCES,
    "screen.ingress.annotations": STRINGS,
    "screen.ingress.host": text(HOST, empty=True),
    "screen.ingress.tlsSecret": text(HOST, empty=True),
    "screen.httpRoute.gateway.namespace": NAME,
    "screen.httpRoute.hostnames": listed(text(HOST)),
    "bots.imagePullSecrets": listed(closed({"name": text(HOST)}, "name")),
    "market.replicas": whole(0, 1),
    "market.url": text("^http://[^/?#]+$", empty=True, longest=2048),
    "market.memoryMebibytes": whole(8, 65_536),
    "market.proxySecrets": {**listed(text(HOST)), "uniqueItems": True},
    "bots.image.pullPolicy": choice("", "Always", "IfNotPresent", "Never"),
    "bots.portRange": text(f"^{PORT_NUMBER}-{PORT_NUMBER}$"),
    "bots.listenAddress": text(ADDRESS),
    "bots.webhookUrl": URL,
    "bots.baseDomain": text(HOST, empty=True),
    "bots.url.scheme": choice("https", "http"),
    "bots.url.port": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
    "bots.ingress.annotations": STRINGS,
    "bots.ingress.tlsSecret": text(HOST, empty=True),
    "bots.gateway.namespace": NAME,
    "bots.gateway.routeBy": choice("host", "path"),
    "bots.volumeAccessMode": choice("ReadWriteOnce", "ReadWriteOncePod"),
    "bots.hangSeconds": whole(30, 86_400),
    "bots.exchangeDefaults": map_of(FREE),
    "capacity.prometheusUrl": URL,
    "capacity.prometheusTokenSecret.name": text(HOST, empty=True),
    "capacity.prometheusTokenSecret.key": text("^[-._a-zA-Z0-9]+$"),
    "capacity.seconds": {"type": "number", "minimum": 0, "maximum": 3600},
    "capacity.forecastDays": whole(1, 365),
    "capacity.bot.cpu": AMOUNT,
    "capacity.bot.memory": AMOUNT,
    "capacity.exchangeBudget": map_of(whole(1, 10_000)),
    "capacity.nodeTypes": listed(NODE_TYPE),
    "serviceAccounts.annotations": STRINGS,
    "networkPolicies.bots.ingressFrom": PEERS,
    "networkPolicies.bots.except": listed(text(CIDR)),
    "networkPolicies.bots.alsoTo": PEERS,
    "networkPolicies.ingressFrom": PEERS,
    "networkPolicies.metricsFrom": PEERS,
    "networkPolicies.dns.to": PEERS,
    "networkPolicies.dns.ports": {**listed(PORT), "minItems": 1},
    "networkPolicies.apiServer.cidrs": listed(text(CIDR)),
    "networkPolicies.apiServer.ports": {**listed(PORT), "minItems": 1},
    "networkPolicies.database.to": PEERS,
    "networkPolicies.database.port": PORT,
    "networkPolicies.prometheus.to": PEERS,
    "networkPolicies.prometheus.ports": listed(PORT),
    "networkPolicies.proxies.to": PEERS,
    "networkPolicies.exchanges.to": PEERS,
    "networkPolicies.outside.except": listed(text(CIDR)),
    "monitoring.serviceMonitor.labels": STRINGS,
    "monitoring.serviceMonitor.interval": text("^([0-9]+(ms|s|m|h))+$"),
    "monitoring.prometheusRule.labels": STRINGS,
    "monitoring.dashboards.labels": STRINGS,
    "monitoring.dashboards.annotations": STRINGS,
}

LIMITS: Final[dict[str, Schema]] = {
    key.replace("*", component, 1): limit
    for key, limit in _LIMITS.items()
    for component in (COMPONENTS if key.startswith("*") else ("",))
}
"""Key of values.yaml -> its schema, in place of what its default says."""
