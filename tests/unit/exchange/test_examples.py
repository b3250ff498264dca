"""The examples are valid, say nothing about the paper exchange, and it has their pairs."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from btcwatcher_crds.fleet_switch import FleetSwitch
from btcwatcher_crds.notification_channel import NotificationChannel
from btcwatcher_crds.strategy import Strategy
from btcwatcher_local.exchange.markets import MARKETS

EXAMPLES = Path(__file__).parents[3] / "manifests/examples"


def _documents() -> list[Any]:
    return [document for path in sorted(EXAMPLES.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())]


CHANNELS = [document for document in _documents() if document["kind"] == "NotificationChannel"]
STRATEGIES = [document for document in _documents() if document["kind"] == "Strategy"]


def test_three_strategies_in_a_namespace_of_their_own() -> None:
    assert len(STRATEGIES) == 3
    namespaces = [document["metadata"]["name"] for document in _documents() if document["kind"] == "Namespace"]
    assert namespaces == ["trading"]
    assert {document["metadata"]["namespace"] for document in STRATEGIES} == {"trading"}


@pytest.mark.parametrize("document", STRATEGIES, ids=lambda document: document["metadata"]["name"])
def test_example_is_valid_and_runs_anywhere(document: Any) -> None:
    strategy = Strategy.model_validate(document)
    pairs = strategy.spec.exchange.pairs
    assert [pair for pair in pairs if pair.replace("/", "") not in MARKETS] == []
    assert "config" not in document["spec"], "where the exchange is, is the platform's affair"
    tree = ast.parse(document["spec"]["source"]["inline"])
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == [strategy.spec.strategy_name]


@pytest.mark.parametrize("document", CHANNELS, ids=lambda document: document["metadata"]["name"])
def test_example_channels_are_valid_and_listen(document: Any) -> None:
    channel = NotificationChannel.model_validate(document)
    assert channel.spec.strategies is not None
    assert channel.metadata.namespace == "trading"


def test_an_example_switch_is_valid_and_nothing_applies_it_by_itself() -> None:
    (document,) = yaml.safe_load_all((EXAMPLES / "switches/pause-entries.yaml").read_text())
    assert FleetSwitch.model_validate(document).spec.dry_run
    # `kubectl apply -f FOLDER` takes the files of the folder itself.
    assert not [found for found in _documents() if found["kind"].endswith("FleetSwitch")]
