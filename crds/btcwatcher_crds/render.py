"""Renders the CRDs' YAML from the types. `python -m btcwatcher_crds.render DIR` writes it; `make test` compares."""

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from btcwatcher_crds import names
from btcwatcher_crds.exchange import EXCHANGE_ROOT_RULES, ExchangeSpec, ExchangeStatus
from btcwatcher_crds.fleet_capacity import FLEET_CAPACITY_ROOT_RULES, FleetCapacitySpec, FleetCapacityStatus
from btcwatcher_crds.fleet_switch import (
    FLEET_SWITCH_ROOT_RULES,
    ClusterFleetSwitchSpec,
    FleetSwitchSpec,
    FleetSwitchStatus,
)
from btcwatcher_crds.notification_channel import (
    NOTIFICATION_CHANNEL_ROOT_RULES,
    NotificationChannelSpec,
    NotificationChannelStatus,
)
from btcwatcher_crds.proxy import PROXY_ROOT_RULES, ProxySpec, ProxyStatus
from btcwatcher_crds.rules import JsonSchema
from btcwatcher_crds.strategy import ROOT_RULES, StrategySpec, StrategyStatus

# What a structural schema may hold; all else that pydantic writes (titles, discriminators) is left out.
_KEYWORDS = {
    "type", "format", "description", "default", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties", "required", "anyOf",
}  # fmt: skip


def structural(model: type[BaseModel]) -> JsonSchema:
    """The structural OpenAPI schema of a contract type: no references, no nulls, defaults written out."""
    schema = model.model_json_schema(by_alias=True)
    return _clean(schema, schema.get("$defs", {}))


def _clean(node: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    node = _resolve(node, definitions)
    cleaned: JsonSchema = {}
    for key, value in node.items():
        if key == "properties":
            cleaned[key] = {name: _clean(child, definitions) for name, child in value.items()}
        elif key == "items" or (key == "additionalProperties" and isinstance(value, dict)):
            # A preserved object has no map values of its own to describe.
            if not (key == "additionalProperties" and node.get("x-kubernetes-preserve-unknown-fields")):
                cleaned[key] = _clean(value, definitions)
        elif key == "default" and isinstance(value, dict):
            if kept := _without_empty(value):
                cleaned[key] = kept
        elif key.startswith("x-kubernetes-") or (key in _KEYWORDS and value is not None):
            cleaned[key] = value
    if "x-kubernetes-int-or-string" in cleaned:
        cleaned.pop("type", None)
    return cleaned


def _without_empty(default: JsonSchema) -> JsonSchema:
    """A written-out default without what says nothing: the API server fills nested defaults in by itself."""
    kept = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in default.items()}
    return {key: value for key, value in kept.items() if value not in (None, "", [], {})}


def _resolve(node: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """The node without `$ref` and without "or null": an absent field is the one way to say nothing."""
    node = dict(node)
    if not node.get("x-kubernetes-int-or-string"):
        options = [option for option in node.pop("anyOf", []) if option.get("type") != "null"]
        if options:
            (only,) = options  # the contract has no other unions
            node = {**_resolve(only, definitions), **node}
    if reference := node.pop("$ref", None):
        target = _resolve(definitions[reference.removeprefix("#/$defs/")], definitions)
        node = {**target, **node}
    return node


def _ready(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> JsonSchema:
    base: JsonSchema = {"name": name, "type": kind, "jsonPath": path}
    return {**base, "priority": priority} if priority else base


def strategy_crd() -> JsonSchema:
    """The CustomResourceDefinition of Strategy."""
    return _crd(
        {
            "kind": names.STRATEGY_KIND,
            "listKind": "StrategyList",
            "plural": names.STRATEGY_PLURAL,
            "singular": "strategy",
            "shortNames": ["strat"],
            "categories": ["trading"],
        },
        "One trading strategy: a freqtrade bot that is kept running.",
        [
            _column("Ready", _ready("Ready", "status")),
            _column("Reason", _ready("Ready", "reason")),
            _column("Mode", ".spec.mode"),
            _column("State", ".spec.state"),
            _column("Held", _ready("Held", "reason")),
            _column("Exchange", ".spec.exchange.name"),
            _column("Port", ".status.port", "integer"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Image", ".status.image", priority=1),
            _column("URL", ".status.url", priority=1),
            _column("Message", _ready("Ready", "message"), priority=1),
        ],
        {"spec": structural(StrategySpec), "status": structural(StrategyStatus)},
        ROOT_RULES,
    )


def proxy_crd() -> JsonSchema:
    """The CustomResourceDefinition of Proxy."""
    return _crd(
        {
            "kind": names.PROXY_KIND,
            "listKind": "ProxyList",
            "plural": names.PROXY_PLURAL,
            "singular": "proxy",
            "shortNames": ["pxy"],
            "categories": ["trading"],
        },
        "An HTTP or SOCKS5 proxy that bots reach their exchange through.",
        [
            _column("Healthy", _ready("Healthy", "status")),
            _column("Reason", _ready("Healthy", "reason")),
            _column("Latency-ms", ".status.latencyMilliseconds", "integer"),
            _column("Checked", ".status.lastCheck", "date"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Test", ".spec.test.url", priority=1),
            _column("Message", _ready("Healthy", "message"), priority=1),
        ],
        {"spec": structural(ProxySpec), "status": structural(ProxyStatus)},
        PROXY_ROOT_RULES,
    )


def notification_channel_crd() -> JsonSchema:
    """The CustomResourceDefinition of NotificationChannel."""
    return _crd(
        {
            "kind": names.NOTIFICATION_CHANNEL_KIND,
            "listKind": "NotificationChannelList",
            "plural": names.NOTIFICATION_CHANNEL_PLURAL,
            "singular": "notificationchannel",
            "shortNames": ["nchan"],
            "categories": ["trading"],
        },
        "A way to those who are to be told of signals and alerts.",
        [
            _column("Type", ".spec.type"),
            _column("Ready", _ready("Ready", "status")),
            _column("Reason", _ready("Ready", "reason")),
            _column("Suspended", ".spec.suspend", "boolean"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Message", _ready("Ready", "message"), priority=1),
        ],
        {"spec": structural(NotificationChannelSpec), "status": structural(NotificationChannelStatus)},
        NOTIFICATION_CHANNEL_ROOT_RULES,
    )


def exchange_crd() -> JsonSchema:
    """The CustomResourceDefinition of Exchange."""
    return _crd(
        {
            "kind": names.EXCHANGE_KIND,
            "listKind": "ExchangeList",
            "plural": names.EXCHANGE_PLURAL,
            "singular": "exchange",
            "shortNames": ["xchg"],
            "categories": ["trading"],
        },
        "An exchange whose market data is downloaded once for all bots; its name is the exchange's in freqtrade.",
        [
            _column("Ready", _ready("Ready", "status")),
            _column("Reason", _ready("Ready", "reason")),
            _column("When-away", ".spec.whenAway"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Message", _ready("Ready", "message"), priority=1),
        ],
        {"spec": structural(ExchangeSpec), "status": structural(ExchangeStatus)},
        EXCHANGE_ROOT_RULES,
        scope="Cluster",
    )


def fleet_capacity_crd() -> JsonSchema:
    """The CustomResourceDefinition of FleetCapacity."""
    return _crd(
        {
            "kind": names.FLEET_CAPACITY_KIND,
            "listKind": "FleetCapacityList",
            "plural": names.FLEET_CAPACITY_PLURAL,
            "singular": "fleetcapacity",
            "shortNames": ["fleetcap"],
            "categories": ["trading"],
        },
        "How many more bots the cluster takes, what runs out first, and what to buy. The operator makes and writes it.",
        [
            _column("Used", ".status.slots.used", "integer"),
            _column("Free", ".status.slots.free", "integer"),
            _column("Node-lost", ".status.slots.freeWithLargestNodeLost", "integer"),
            _column("Binding", ".status.binding"),
            _column("Pending", ".status.pending", "integer"),
            _column("Full-in-days", ".status.forecast.daysUntilFull", "integer"),
            _column("Measured", _ready("Measured", "status")),
            _column("Summary", ".status.summary", priority=1),
        ],
        {"spec": structural(FleetCapacitySpec), "status": structural(FleetCapacityStatus)},
        FLEET_CAPACITY_ROOT_RULES,
        scope="Cluster",
    )


def fleet_switch_crd() -> JsonSchema:
    """The CustomResourceDefinition of FleetSwitch."""
    return _crd(
        {
            "kind": names.FLEET_SWITCH_KIND,
            "listKind": "FleetSwitchList",
            "plural": names.FLEET_SWITCH_PLURAL,
            "singular": "fleetswitch",
            "shortNames": ["fsw"],
            "categories": ["trading"],
        },
        "One order to the bots of a namespace: pause entries, stop, close all trades, or resume.",
        _SWITCH_COLUMNS,
        {"spec": structural(FleetSwitchSpec), "status": structural(FleetSwitchStatus)},
        FLEET_SWITCH_ROOT_RULES,
    )


def cluster_fleet_switch_crd() -> JsonSchema:
    """The CustomResourceDefinition of ClusterFleetSwitch."""
    return _crd(
        {
            "kind": names.CLUSTER_FLEET_SWITCH_KIND,
            "listKind": "ClusterFleetSwitchList",
            "plural": names.CLUSTER_FLEET_SWITCH_PLURAL,
            "singular": "clusterfleetswitch",
            "shortNames": ["cfsw"],
            "categories": ["trading"],
        },
        "One order to the bots of all namespaces: pause entries, stop, close all trades, or resume.",
        _SWITCH_COLUMNS,
        {"spec": structural(ClusterFleetSwitchSpec), "status": structural(FleetSwitchStatus)},
        FLEET_SWITCH_ROOT_RULES,
        scope="Cluster",
    )


_SWITCH_COLUMNS = [
    _column("Action", ".spec.action"),
    _column("Active", _ready("Active", "status")),
    _column("Complete", _ready("Complete", "status")),
    _column("Reason", _ready("Complete", "reason")),
    _column("Selected", ".status.counts.selected", "integer"),
    _column("Done", ".status.counts.done", "integer"),
    _column("Open-trades", ".status.counts.openTrades", "integer"),
    _column("Age", ".metadata.creationTimestamp", "date"),
    _column("By", ".spec.requestedBy", priority=1),
    _column("Why", ".spec.reason", priority=1),
    _column("Loss", ".status.loss.amount", priority=1),
    _column("Loss-limit", ".spec.onLoss.amount", priority=1),
    _column("Loss-bots", ".status.loss.bots", "integer", priority=1),
    _column("Message", _ready("Complete", "message"), priority=1),
]


def _crd(
    kind: JsonSchema,
    description: str,
    columns: list[JsonSchema],
    properties: JsonSchema,
    rules: JsonSchema,
    scope: str = "Namespaced",
) -> JsonSchema:
    """A kind of our group with one version and a status of its own."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind['plural']}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": scope,
            "names": kind,
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {
                        "openAPIV3Schema": {
                            "description": description,
                            "type": "object",
                            "required": ["spec"],
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {"type": "object"},
                                **properties,
                            },
                            **rules,
                        }
                    },
                }
            ],
        },
    }


def to_yaml(document: JsonSchema) -> str:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    body = yaml.dump(document, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True)
    return f"# Rendered from crds/btcwatcher_crds by `make crds`: change the types, not this file.\n{body}"


def crds() -> tuple[JsonSchema, ...]:
    """The CRD of every custom resource."""
    return (
        strategy_crd(),
        proxy_crd(),
        notification_channel_crd(),
        exchange_crd(),
        fleet_capacity_crd(),
        fleet_switch_crd(),
        cluster_fleet_switch_crd(),
    )


def rendered() -> dict[str, str]:
    """File name -> YAML of every custom resource."""
    return {f"{names.GROUP}_{crd['spec']['names']['plural']}.yaml": to_yaml(crd) for crd in crds()}


def main() -> None:
    directory = Path(sys.argv[1])
    for name, text in rendered().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main()
