"""What a user must not apply is refused at apply, with a sentence that says what to do."""

from typing import Any

import pytest

from btcwatcher_crds.strategy import Strategy
from support.kubectl import Kubectl

Object = dict[str, Any]

REFUSED: list[tuple[str, Object, str]] = [
    ("a long name", {"metadata": {"name": "a" * 60}}, "metadata.name must be at most 52 characters"),
    ("a name with a dot", {"metadata": {"name": "ema.cross"}}, "lower-case letters, digits and dashes only"),
    ("no pairs", {"spec": {"exchange": {"pairs": []}}}, "spec.exchange.pairs in body should have at least 1 items"),
    ("a pair without a slash", {"spec": {"exchange": {"pairs": ["BTCUSDT"]}}}, "a pair is written BASE/QUOTE"),
    (
        "two sources",
        {"spec": {"source": {"inline": "x", "configMapRef": {"name": "a", "key": "b"}}}},
        "give exactly one of inline and configMapRef",
    ),
    ("no source in source", {"spec": {"source": {}}}, "give exactly one of inline and configMapRef"),
    (
        "thresholds out of order",
        {"spec": {"signals": {"thresholds": {"strong": "0.1"}}}},
        "thresholds must be in order: strong >= medium >= weak",
    ),
    (
        "a threshold above one",
        {"spec": {"signals": {"thresholds": {"strong": "1.1"}}}},
        'must be a decimal string from "0" to "1"',
    ),
    (
        "a threshold that is no number",
        {"spec": {"signals": {"thresholds": {"strong": "abc"}}}},
        'must be a decimal string from "0" to "1"',
    ),
    (
        "a float amount",
        {"spec": {"stake": {"amount": 1.5}}},
        "spec.stake.amount in body must be of type integer,string",
    ),
    ("a negative amount", {"spec": {"stake": {"amount": -1}}}, 'a decimal string such as "100", or "unlimited"'),
    ("a negative wallet", {"spec": {"stake": {"dryRunWallet": -1}}}, 'a decimal string such as "1000" or "0.05"'),
    ("a whole stake above it", {"spec": {"stake": {"amount": 1001}}}, "must not be above stake.dryRunWallet"),
    ("an amount in words", {"spec": {"stake": {"amount": "lots"}}}, 'a decimal string such as "100", or "unlimited"'),
    ("the operator's key", {"spec": {"config": {"api_server": {}}}}, "api_server is the operator's"),
    ("a webhook of one's own", {"spec": {"config": {"webhook": {}}}}, "webhook is the operator's"),
    ("telegram", {"spec": {"config": {"telegram": {}}}}, "use spec.signals.notify"),
    ("a database of one's own", {"spec": {"config": {"db_url": "sqlite:///x"}}}, "db_url is the operator's"),
    ("dry_run", {"spec": {"config": {"dry_run": False}}}, "dry_run is spec.mode"),
    ("a key in the config", {"spec": {"config": {"exchange": {"key": "k"}}}}, "put them into a Secret"),
    (
        "a key for ccxt in the config",
        {"spec": {"config": {"exchange": {"ccxt_config": {"apiKey": "k"}}}}},
        "put them into a Secret",
    ),
    ("a stake above the wallet", {"spec": {"stake": {"amount": "1001"}}}, "must not be above stake.dryRunWallet"),
    ("no storage", {"spec": {"storage": {"size": "0Gi"}}}, "must be more than nothing"),
    ("a priority that cannot be", {"spec": {"podTemplate": {"priorityClassName": "a/b"}}}, "an object's name"),
    ("a label's value", {"spec": {"podTemplate": {"labels": {"team": "a b"}}}}, "must be the value of a label"),
    ("a label's name", {"spec": {"podTemplate": {"labels": {"my team": "a"}}}}, "a label's name has letters"),
    ("a label with two domains", {"spec": {"podTemplate": {"labels": {"a/b/c": "d"}}}}, "a label's name has letters"),
    ("a node's label", {"spec": {"podTemplate": {"nodeSelector": {"disk": "-ssd"}}}}, "must be the value of a label"),
    ("less than no storage", {"spec": {"storage": {"size": -1}}}, "must be more than nothing"),
    ("Live without credentials", {"spec": {"mode": "Live"}}, "mode Live needs spec.exchange.credentialsRef"),
    ("an unknown mode", {"spec": {"mode": "Paper"}}, 'supported values: "DryRun", "Live"'),
    ("an unknown state", {"spec": {"state": "Off"}}, 'supported values: "Running", "Paused", "Suspended"'),
    ("a class that is a path", {"spec": {"strategyName": "a/b.py"}}, "must be the name of a Python class"),
    ("a timeframe in words", {"spec": {"timeframe": "hourly"}}, "must be a number and a unit"),
    ("an unknown field", {"spec": {"stakes": {}}}, 'unknown field "spec.stakes"'),
    ("no spec", {"spec": None}, "spec"),
]


def merged(base: Object, change: Object) -> Object:
    result = dict(base)
    for key, value in change.items():
        under = result.get(key)
        result[key] = merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return result


@pytest.mark.conformance
@pytest.mark.parametrize(("change", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(kubectl: Kubectl, manifest: Object, change: Object, sentence: str) -> None:
    assert sentence in kubectl.refused(merged(manifest, change))
    assert kubectl.list("strategies", manifest["metadata"]["namespace"]) == []


@pytest.mark.conformance
def test_taken_with_its_defaults_written_out(kubectl: Kubectl, manifest: Object) -> None:
    config = {"minimal_roi": {"0": 0.01}, "exchange": {"ccxt_config": {"a": [1, {"b": None}]}}}
    kubectl.apply(merged(manifest, {"spec": {"config": config, "stake": {"amount": "unlimited"}}}))
    spec = (kubectl.get("strategy", "ema", manifest["metadata"]["namespace"]) or {})["spec"]
    assert spec["config"]["minimal_roi"] == {"0": 0.01}
    assert spec["mode"] == "DryRun"
    assert spec["state"] == "Running"
    assert spec["stake"] == {"amount": "unlimited", "currency": "USDT", "dryRunWallet": "1000", "maxOpenTrades": 3}
    assert spec["signals"]["thresholds"] == {"strong": "0.8", "medium": "0.6", "weak": "0.4"}
    assert "updateStrategy" not in spec, "its default depends on the mode"


@pytest.mark.conformance
def test_an_amount_may_be_a_whole_number(kubectl: Kubectl, manifest: Object) -> None:
    kubectl.apply(merged(manifest, {"spec": {"stake": {"amount": 250, "dryRunWallet": 5000}}}))
    read = Strategy.model_validate(kubectl.get("strategy", "ema", manifest["metadata"]["namespace"]))
    assert (read.spec.stake.amount, read.spec.stake.dry_run_wallet) == ("250", "5000")
