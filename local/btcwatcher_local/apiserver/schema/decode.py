"""What Go's decoder does to a builtin object: drops nulls and unknown fields, refuses values of another type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import quantity

if TYPE_CHECKING:
    from .node import Node

_GO = {"integer": "int32", "number": "float64", "boolean": "bool", "string": "string"}


class MismatchError(ValueError):
    """A value of the wrong type; the message is Go's."""


def json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def decode(value: Any, node: Node, path: str, unknown: list[str]) -> Any:
    """The value as its type reads it. Paths of unknown fields are added to `unknown`. Raises MismatchError."""
    options = node.raw.get("oneOf")
    if options is not None:
        return _one_of(value, options, path)
    types = node.types
    if "object" in types or node.properties:
        if not isinstance(value, dict):
            raise _mismatch(value, path, "object")
        return _object(value, node, path, unknown)
    if "array" in types:
        if not isinstance(value, list):
            raise _mismatch(value, path, "array")
        return [
            decode(item, node.items, f"{path}[{index}]", unknown) if item is not None else item
            for index, item in enumerate(value)
        ]
    if types and not _fits(value, types[0]):
        raise _mismatch(value, path, _GO[types[0]])
    return value


def _fits(value: Any, wanted: str) -> bool:
    if wanted == "boolean":
        return isinstance(value, bool)
    if wanted == "string":
        return isinstance(value, str)
    if isinstance(value, bool):
        return False
    if wanted == "integer":
        return isinstance(value, int)
    return isinstance(value, (int, float))


def _one_of(value: Any, options: list[Any], path: str) -> Any:
    """IntOrString, or Quantity, which is stored in its canonical form."""
    is_quantity = any("number" in option.get("type", ()) for option in options)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _mismatch(value, path, "resource.Quantity" if is_quantity else "intstr.IntOrString")
    if not is_quantity:
        if isinstance(value, float):
            raise _mismatch(value, path, "int32")
        return value
    try:
        return quantity.canonical(str(value))
    except ValueError as error:
        raise MismatchError(str(error)) from None


def _object(value: dict[str, Any], node: Node, path: str, unknown: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, child in value.items():
        below = f"{path}.{name}" if path else name
        declared = node.field(name)
        if declared is None:
            unknown.append(below)
        elif child is None:
            continue
        elif node.preserve and not node.is_struct_field(name):
            out[name] = child
        else:
            out[name] = decode(child, declared, below, unknown)
    return out


def _mismatch(value: Any, path: str, wanted: str) -> MismatchError:
    return MismatchError(f"json: cannot unmarshal {json_type(value)} into Go struct field .{path} of type {wanted}")
