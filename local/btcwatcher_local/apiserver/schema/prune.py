"""Custom objects: removing what the schema does not know, and nulls that mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .node import Node

_EMBEDDED = ("apiVersion", "kind", "metadata")


def prune(value: Any, node: Node, path: str, unknown: list[str]) -> None:
    """Removes unknown fields in place; their paths are added to `unknown`."""
    if isinstance(value, dict):
        _prune_map(value, node, path, unknown)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            prune(item, node.items, f"{path}[{index}]", unknown)


def _prune_map(value: dict[str, Any], node: Node, path: str, unknown: list[str]) -> None:
    for name in list(value):
        below = f"{path}.{name}" if path else name
        declared = node.properties.get(name)
        if declared is not None:
            prune(value[name], declared, below, unknown)
        elif node.additional is not None:
            prune(value[name], node.additional, below, unknown)
        elif not (node.preserve or (node.embedded and name in _EMBEDDED)):
            del value[name]
            unknown.append(below)


def drop_nulls(value: Any, node: Node) -> None:
    """Nulls where the type has none are left out, as if they had not been sent. In place."""
    if isinstance(value, dict):
        for name in list(value):
            declared = node.properties.get(name) or node.additional
            if declared is None:
                continue
            if value[name] is None:
                if not declared.nullable and not ("default" in declared.raw and declared.raw["default"] is not None):
                    del value[name]
            else:
                drop_nulls(value[name], declared)
    elif isinstance(value, list):
        for item in value:
            drop_nulls(item, node.items)


def without_nulls(value: Any) -> Any:
    """A copy without null members, as a typed decoder would read it."""
    if isinstance(value, dict):
        return {name: without_nulls(child) for name, child in value.items() if child is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
