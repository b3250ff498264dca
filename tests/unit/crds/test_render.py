"""The committed CRD is what the types render."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from btcwatcher_crds.render import exchange_crd, notification_channel_crd, proxy_crd, rendered, strategy_crd

CRDS = Path(__file__).parents[3] / "crds"


def test_the_committed_yaml_is_what_the_types_render() -> None:
    committed = {path.name: path.read_text() for path in CRDS.glob("*.yaml")}
    assert committed == rendered(), "run `make crds` and commit"


def test_only_crds_lie_beside_the_types() -> None:
    for path in CRDS.glob("*.yaml"):
        assert yaml.safe_load(path.read_text())["kind"] == "CustomResourceDefinition"


def _nodes(schema: dict[str, Any], path: str = "") -> Any:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _nodes(schema[name], f"{path}[]")


def _spec_nodes() -> list[tuple[str, dict[str, Any]]]:
    """Every node of every kind's spec, its path beginning with the kind's plural."""
    found: list[tuple[str, dict[str, Any]]] = []
    for crd in (strategy_crd(), proxy_crd(), notification_channel_crd(), exchange_crd()):
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        found += _nodes(schema["properties"]["spec"], f"{crd['spec']['names']['plural']}.spec")
    return found


@pytest.mark.parametrize(("path", "node"), _spec_nodes(), ids=[path for path, _ in _spec_nodes()])
def test_every_node_is_typed_and_bounded(path: str, node: dict[str, Any]) -> None:
    kind = node.get("type")
    if node.get("x-kubernetes-int-or-string"):
        return
    assert kind in {"object", "array", "string", "integer", "boolean"}, path
    if kind == "string":
        assert "maxLength" in node or "enum" in node, path
    if kind == "array":
        assert "maxItems" in node, path
    if kind == "integer":
        assert "minimum" in node, path
        assert "maximum" in node, path
    if isinstance(node.get("additionalProperties"), dict):
        assert "maxProperties" in node, path


def test_every_field_of_the_spec_is_described() -> None:
    described = [
        path
        for path, node in _spec_nodes()
        if not path.endswith(("s.spec", "[]")) and not path.startswith("strategies.spec.config.")
    ]
    nodes = dict(_spec_nodes())
    assert [path for path in described if not nodes[path].get("description")] == []
