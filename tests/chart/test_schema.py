"""What helm takes as values, and what it refuses before anything is applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import ValidationError

from btcwatcher_api.settings import Settings
from btcwatcher_operator.settings import Settings as OperatorSettings
from support.chart import CHART, HELMS, Object, merged, refusal, rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def nested(key: str, value: Any) -> Object:
    for part in reversed(key.split(".")):
        value = {part: value}
    made: Object = value
    return made


WRONG: tuple[tuple[str, Any, str], ...] = (
    ("replicas", 2, "replicas"),
    ("operator.replica", 2, "replica"),
    ("api.ingress.hosts", ["a.example.com"], "hosts"),
    ("networkPolicies.outside.cidrs", [], "cidrs"),
    ("operator.replicas", "2", "integer"),
    ("crds.keep", "yes", "boolean"),
    ("namespaces", "trading", "array"),
    ("namespaces", ["Trading"], "pattern"),
    ("bots.portRange", "8081", "portRange"),
    ("bots.portRange", "8081-99999", "portRange"),
    ("bots.portRange", "0-9080", "portRange"),
    ("bots.portRange", 8081, "string"),
    ("bots.volumeAccessMode", "ReadWriteMany", "volumeAccessMode"),
    ("api.port", 70000, "65535"),
    ("api.registration", "anybody", "registration"),
    ("api.retention.signals", 7, "35"),
    ("api.publicUrl", "btcwatcher.example.com", "publicUrl"),
    ("api.corsOrigins", ["*"], "corsOrigins"),
    ("api.resources", {"requests": {"cpu": "lots"}}, "resources"),
    ("api.extraEnv", {"A": "b"}, "array"),
    ("api.extraEnv", [{"name": "A", "val": "b"}], "val"),
    ("api.podLabels", {"a": 1}, "string"),
    ("api.podDisruptionBudget.minAvailable", "half", "minAvailable"),
    ("operator.rolloutPercent", 0, "rolloutPercent"),
    ("worker.logLevel", "TRACE", "logLevel"),
    ("worker.forbiddenNetworks", ["metadata"], "forbiddenNetworks"),
    ("capacity.nodeTypes", [{"name": "small"}], "cpu"),
    ("capacity.nodeTypes", [{"name": "s", "cpu": "2", "memory": "4Gi", "pods": 110, "cost": 3}], "cost"),
    ("capacity.exchangeBudget", {"binance": 0}, "binance"),
    ("networkPolicies.ingressFrom", [{}], "ingressFrom"),
    ("networkPolicies.ingressFrom", [{"namespaces": ["a"]}], "namespaces"),
    ("networkPolicies.apiServer.cidrs", ["kubernetes.default"], "cidrs"),
    ("monitoring.serviceMonitor.interval", "often", "interval"),
    ("fullnameOverride", "x" * 41, "fullnameOverride"),
)
"""A key, a wrong value of it, and what the refusal names beside the key."""


@pytest.mark.parametrize("helm", HELMS)
def test_what_is_wrong_is_refused_by_its_name(helm: int) -> None:
    """All that can stand in one file at a time: helm names everything that is wrong."""
    left = list(WRONG)
    while left:
        together: dict[str, tuple[Any, str]] = {}
        for key, value, said in list(left):
            if key not in together:
                together[key] = (value, said)
                left.remove((key, value, said))
        message = refusal(merged(*(nested(key, value) for key, (value, _) in together.items())), version=helm)
        assert "values don't meet the specifications of the schema" in message
        lines = message.replace("/", ".").replace(",", "").splitlines()
        unnamed = [
            key
            for key, (_, said) in together.items()
            if not any(said in line and (key in line or key.rpartition(".")[0] in line) for line in lines)
        ]
        assert not unnamed, message


@pytest.mark.parametrize("helm", HELMS)
def test_what_people_write_is_taken(helm: int) -> None:
    rendered(
        {
            "global": {"anything": 1},
            "fullnameOverride": "desk",
            "imagePullSecrets": [{"name": "registry"}],
            "commonLabels": {"team": "desk"},
            "operator": {
                "resources": {"limits": {"memory": "1.5Gi", "ephemeral-storage": "1Gi"}, "requests": {"cpu": 1}},
                "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}},
                "extraEnv": [
                    {"name": "A", "value": "b"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ],
                "rolloutPercent": 12.5,
            },
            "api": {
                "trustedProxies": ["10.0.0.0/8", "10.1.2.3", "fd00::/8"],
                "corsOrigins": ["https://desk.example.com"],
                "podDisruptionBudget": {"minAvailable": "50%"},
                "publicUrl": "https://example.com/btcwatcher",
            },
            "bots": {
                "url": {"port": 8443},
                "exchangeDefaults": {"binance": {"ccxt_config": {"enableRateLimit": True}}},
            },
            "capacity": {"nodeTypes": [{"name": "m", "cpu": 4, "memory": "16Gi", "pods": 110, "price": 0.2}]},
            "networkPolicies": {
                "ingressFrom": [
                    {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {"matchLabels": {"c": "d"}}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ]
            },
        },
        version=helm,
    )


def test_schema_and_values_have_the_same_keys() -> None:
    described = {key for key, _ in _nodes(SCHEMA) if key != "global"}
    assert set(_keys(VALUES)) >= described
    # What is below a map that is free has no key in the schema.
    assert {key for key in _keys(VALUES) if _is_known(key, SCHEMA)} == described & set(_keys(VALUES))
    assert not [key for key in _keys(VALUES) if not _is_known(key, SCHEMA) and not _is_free(key)]


def test_no_map_takes_unknown_keys_but_those_that_are_free() -> None:
    free = [key for key, node in _nodes(SCHEMA) if node.get("type") == "object" and "additionalProperties" not in node]
    assert free == ["global"]


def test_every_value_is_described_where_it_stands() -> None:
    assert not [key for key, node in _nodes(SCHEMA) if "properties" not in node and not node.get("description")]


OPERATORS_LIMITS: dict[str, tuple[str, object]] = {
    "operator.workers": ("workers", 0),
    "operator.rolloutPercent": ("rollout_percent", 101),
    "operator.leaseSeconds": ("lease_seconds", 0.5),
    "bots.hangSeconds": ("hang_seconds", 29),
    "bots.url.port": ("url_port", 0),
    "capacity.forecastDays": ("forecast_days", 0),
    "capacity.seconds": ("capacity_seconds", 3601),
    "capacity.bot.memory": ("bot_memory", "much"),
}


def test_what_the_operator_would_refuse_is_refused_by_helm() -> None:
    fields = dict(OPERATORS_LIMITS.values())
    with pytest.raises(ValidationError) as refused:
        OperatorSettings.model_validate(
            {"webhook_url": "http://a", "webhook_key_file": "w", "bot_key_file": "b", **fields}
        )
    assert {str(error["loc"][0]) for error in refused.value.errors()} == set(fields)
    said = refusal(merged(*(nested(key, value) for key, (_, value) in OPERATORS_LIMITS.items())))
    assert not [key for key in OPERATORS_LIMITS if f"/{key.replace('.', '/')}'" not in said]


@pytest.mark.parametrize("days", [34, 36_501])
def test_what_the_api_would_refuse_is_refused_by_helm(days: int) -> None:
    with pytest.raises(ValidationError, match="retention_audit_days"):
        Settings.model_validate(
            {
                "database_url": "postgresql://a@b/c",
                "webhook_key_file": "w",
                "read_token_file": "r",
                "accounts": False,
                "retention_audit_days": days,
            }
        )
    assert "/api/retention/audit" in refusal({"api": {"retention": {"audit": days}}})


def _nodes(node: Object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Object]]:
    """Every key that the schema describes; below what is given whole (resources, peers) it looks no further."""
    for name, child in node.get("properties", {}).items():
        yield ".".join((*path, name)), child
        if "default" not in child:
            yield from _nodes(child, (*path, name))


def _keys(values: Object, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, value in values.items():
        yield ".".join((*path, name))
        if isinstance(value, dict):
            yield from _keys(value, (*path, name))


def _is_known(key: str, schema: Object) -> bool:
    return key in {known for known, _ in _nodes(schema)}


def _is_free(key: str) -> bool:
    """Whether it lies below a key that is given whole."""
    wholes = [known for known, node in _nodes(SCHEMA) if "default" in node]
    return any(key.startswith(f"{whole}.") for whole in wholes)
