"""The example Strategies are valid, say nothing about the paper exchange, and it has their pairs."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from btcwatcher_crds.strategy import Strategy
from btcwatcher_local.exchange.markets import MARKETS

EXAMPLES = Path(__file__).parents[3] / "manifests/examples"


def _documents() -> list[Any]:
    return [yaml.safe_load(path.read_text()) for path in sorted(EXAMPLES.glob("*.yaml"))]


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
