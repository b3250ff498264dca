"""The reference of the custom resources, one page a kind: `python -m btcwatcher_crds.reference DIR` writes them."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from btcwatcher_crds.render import crds
from btcwatcher_crds.rules import VALIDATIONS, JsonSchema

_PRESERVED: Final = "x-kubernetes-preserve-unknown-fields"
_REFUSED: Final = re.compile(r"!has\(self\.(\w+)\)")


def page(crd: JsonSchema) -> str:
    """One kind: its names, and each object of it as a table of its fields, with the rules of the API server."""
    spec = crd["spec"]
    (version,) = spec["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    kind, plural, group = spec["names"]["kind"], spec["names"]["plural"], spec["group"]
    short = "".join(f", short `{name}`" for name in spec["names"].get("shortNames", []))
    scope = "of the whole cluster" if spec["scope"] == "Cluster" else "namespaced"
    columns = [
        f"`{column['name'].upper()}`" + (" (`-o wide`)" if column.get("priority") else "")
        for column in version["additionalPrinterColumns"]
    ]
    parts = [
        f"# {kind}",
        "Made from the CRD by `make crds`; a test compares.",
        schema["description"],
        f"`apiVersion: {group}/{version['name']}`, `kind: {kind}`; {scope}; "
        f"`kubectl get {plural}`{short}. Columns: {', '.join(columns)}.",
        *_rules([("", schema)]),
        *_objects("spec", schema["properties"]["spec"]),
        *_objects("status", schema["properties"]["status"]),
    ]
    return "\n\n".join(parts) + "\n"


def _objects(path: str, node: JsonSchema) -> Iterator[str]:
    """The object at `path` and, after it, every object below it."""
    properties: dict[str, JsonSchema] = node.get("properties", {})
    required = node.get("required", [])
    yield f"## {path}"
    if sentence := node.get("description"):
        yield _line(sentence)
    if node.get(_PRESERVED):
        yield "Fields that are not named here are kept as they are written."
    refused = _refused(node)
    rows = [
        _row(path, name, child, "required" if name in required else "refused" if name in refused else _default(child))
        for name, child in properties.items()
    ]
    if rows:
        yield "\n".join(["| field | type | default | limits | |", "|---|---|---|---|---|", *rows])
    yield from _rules([("", node), *_values(properties)])
    for name, child in properties.items():
        inner, suffix = _innermost(child)
        if "properties" in inner:
            yield from _objects(f"{path}.{name}{suffix}", inner)


def _row(path: str, name: str, node: JsonSchema, default: str) -> str:
    inner, suffix = _innermost(node)
    word = _type(node)
    if "properties" in inner:
        word = f"[{word}](#{anchor(f'{path}.{name}{suffix}')})"
    return f"| `{name}` | {word} | {default} | {_limits(node)} | {_line(node.get('description', ''))} |"


def _values(properties: dict[str, JsonSchema]) -> Iterator[tuple[str, JsonSchema]]:
    """Every node below these that is no object with fields of its own, with the name to call it by."""
    for name, node in properties.items():
        suffix = ""
        while True:
            if "properties" not in node:
                yield f"{name}{suffix}", node
            if "items" in node:
                node, suffix = node["items"], f"{suffix}[]"
            elif isinstance(node.get("additionalProperties"), dict):
                node, suffix = node["additionalProperties"], f"{suffix}{{}}"
            else:
                break


def _rules(nodes: list[tuple[str, JsonSchema]]) -> Iterator[str]:
    """What is refused, in the words that a user gets, with the rule itself."""
    lines: list[str] = []
    for name, node in nodes:
        subject = f"`{name}`: " if name else ""
        if pattern := node.get("pattern"):
            lines.append(f"- {subject}must match `{pattern}`")
        lines += [f"- {subject}{_line(rule['message'])} (`{rule['rule']}`)" for rule in node.get(VALIDATIONS, [])]
    if lines:
        yield "Refused otherwise:"
        yield "\n".join(lines)


def _refused(node: JsonSchema) -> set[str]:
    """Fields that are declared only so that they can be refused with a sentence."""
    expressions = [rule["rule"].split(" && ") for rule in node.get(VALIDATIONS, [])]
    matches = [[_REFUSED.fullmatch(term) for term in terms] for terms in expressions]
    return {match[1] for terms in matches if all(terms) for match in terms if match}


def _innermost(node: JsonSchema) -> tuple[JsonSchema, str]:
    """What a list or a map holds in the end, and how its path goes on."""
    suffix = ""
    while True:
        if "items" in node:
            node, suffix = node["items"], f"{suffix}[]"
        elif isinstance(node.get("additionalProperties"), dict):
            node, suffix = node["additionalProperties"], f"{suffix}{{}}"
        else:
            return node, suffix


def _type(node: JsonSchema) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in node:
        kind = node.get("x-kubernetes-list-type")
        keys = ", ".join(node.get("x-kubernetes-list-map-keys", []))
        how = ", each once" if kind == "set" else f", one of each {keys}" if kind == "map" else ""
        return f"list of {_type(node['items'])}{how}"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map of {_type(node['additionalProperties'])}"
    if "format" in node:
        return f"{node['type']} ({node['format']})"
    return str(node["type"])


def _default(node: JsonSchema) -> str:
    if "default" not in node:
        return ""
    written = yaml.safe_dump(node["default"], default_flow_style=True, width=1000, sort_keys=False).strip()
    return f"`{written.removesuffix('...').strip()}`"


def _limits(node: JsonSchema) -> str:
    """The bounds of a value, and of what a list or a map holds."""
    found: list[str] = []
    if "enum" in node:
        found.append(", ".join(f"`{value}`" for value in node["enum"]))
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ):
        if bound := _bound(node.get(low), node.get(high)):
            found.append(f"{bound}{unit}")
    if "pattern" in node or VALIDATIONS in node:
        found.append("a rule below")
    for key in ("items", "additionalProperties"):
        if isinstance(child := node.get(key), dict) and "properties" not in child and (inner := _limits(child)):
            found.append(f"each {inner}")
    return "; ".join(found)


def _bound(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    if high is not None:
        return f"at most {high:,}"
    return f"at least {low:,}" if low is not None else ""


def anchor(heading: str) -> str:
    """What GitHub and the site make of a heading that holds a path."""
    return "".join(character for character in heading.lower() if character.isalnum() or character in "-_")


def _line(text: str) -> str:
    """On one line, and harmless in a table and in HTML."""
    return " ".join(text.split()).replace("|", "&#124;").replace("<", "&lt;")


def rendered() -> dict[str, str]:
    """File name -> page of every kind."""
    return {f"{crd['spec']['names']['singular']}.md": page(crd) for crd in crds()}


def main() -> None:
    directory = Path(sys.argv[1])
    for name, text in rendered().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main()
