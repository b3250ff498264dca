"""The reference pages of the custom resources: what is committed is what the types give, and nothing is left out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from btcwatcher_crds import reference
from btcwatcher_crds.render import crds
from btcwatcher_crds.rules import VALIDATIONS, JsonSchema

PAGES = Path(__file__).parents[3] / "docs" / "reference"
KINDS = [pytest.param(crd, id=crd["spec"]["names"]["kind"]) for crd in crds()]


def test_the_committed_pages_are_what_the_types_give() -> None:
    expected = reference.rendered()
    assert {name: (PAGES / name).read_text() for name in expected} == expected, "run `make crds` and commit"


def _nodes(schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    for name, child in schema.get("properties", {}).items():
        yield name, child
        yield from _nodes(child)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _nodes(schema[key])


def _schema(crd: JsonSchema) -> JsonSchema:
    schema: JsonSchema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return {**schema, "properties": {name: schema["properties"][name] for name in ("spec", "status")}}


@pytest.mark.parametrize("crd", KINDS)
def test_every_field_bound_and_rule_is_there(crd: JsonSchema) -> None:
    text = reference.page(crd)
    for name, node in _nodes(_schema(crd)):
        if name not in {"spec", "status"}:
            (row, *_) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
            assert row.count("|") == 6, row
        for bound in ("maxLength", "maximum", "maxItems", "maxProperties"):
            assert f"{node.get(bound, 0):,}" in text, (name, bound)
        assert all(f"`{value}`" in text for value in node.get("enum", [])), name
        assert " ".join(node.get("description", "").split()).replace("<", "&lt;") in text, name
        for rule in node.get(VALIDATIONS, []):
            assert f"(`{rule['rule']}`)" in text, name


@pytest.mark.parametrize("crd", KINDS)
def test_every_link_of_a_table_has_its_heading(crd: JsonSchema) -> None:
    text = reference.page(crd)
    headings = {reference.anchor(line.removeprefix("## ")) for line in text.splitlines() if line.startswith("## ")}
    links = {part.split(")")[0] for part in text.split("](#")[1:]}
    assert links <= headings


def test_a_field_that_is_declared_to_be_refused_says_so() -> None:
    strategy = reference.rendered()["strategy.md"]
    assert "| `dry_run` | boolean | refused |" in strategy
    assert "| `strategyName` | string | required |" in strategy
    assert "| `retentionPolicy` | string | `Retain` | `Retain`, `Delete` |" in strategy
