"""values.schema.json of values.yaml: its keys and no others, with their comments, their defaults' types, and limits.

Pure.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from btcwatcher_chart.limits import Schema
from btcwatcher_chart.values import Value


class SchemaError(ValueError):
    """values.yaml and the limits do not go together; the message says where."""


def schema(values: Sequence[Value], limits: Mapping[str, Schema]) -> Schema:
    """Raises SchemaError."""
    known = {value.key for top in values for value in top.walk()}
    # `*.host` and the like say something of those components that have the key.
    if stale := {key for key in limits if key.split(".", 1)[-1] not in {name.split(".", 1)[-1] for name in known}}:
        raise SchemaError(f"limits of keys that values.yaml does not have: {', '.join(sorted(stale))}")
    properties = {value.path[-1]: _described(value, limits) for value in values}
    # Helm gives it to a chart that is part of another.
    properties["global"] = {"type": "object", "description": "Values of a chart that has this one in it; not read."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Rendered from values.yaml by `make chart`.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _described(value: Value, limits: Mapping[str, Schema]) -> Schema:
    made = _node(value, limits)
    is_whole = value.key in limits or not value.children
    if not value.comment and is_whole:
        raise SchemaError(f"{value.key}: no comment above it in values.yaml, and none above the same key before it")
    if value.comment:
        made = {"description": value.comment, **made}
    if is_whole:
        made["default"] = value.default
    return made


def _node(value: Value, limits: Mapping[str, Schema]) -> Schema:
    if value.key in limits:
        return dict(limits[value.key])
    if value.children:
        children = {child.path[-1]: _described(child, limits) for child in value.children}
        return {"type": "object", "additionalProperties": False, "properties": children}
    return {"type": _type(value)}


def _type(value: Value) -> str:
    match value.default:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
    raise SchemaError(f"{value.key}: its default says no type; give it one in limits.py")


def to_json(made: Any) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
