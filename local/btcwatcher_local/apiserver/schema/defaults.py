"""Defaults of a custom object's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import copy_of

if TYPE_CHECKING:
    from .node import Node


def has_defaults(node: Node) -> bool:
    """Whether any default lies below; remembered on the node."""
    known = node.__dict__.get("_has_defaults")
    if known is None:
        below = list(node.properties.values())
        if node.additional is not None:
            below.append(node.additional)
        if "items" in node.raw:
            below.append(node.items)
        known = any("default" in child.raw or has_defaults(child) for child in below)
        node.__dict__["_has_defaults"] = known
    return bool(known)


def apply(value: Any, node: Node) -> None:
    """Fills in defaults in place, at every depth that the value reaches."""
    if not has_defaults(node):
        return
    if isinstance(value, dict):
        for name, child in node.properties.items():
            if "default" in child.raw:
                missing = name not in value
                if missing or (value[name] is None and not child.nullable):
                    value[name] = copy_of(child.raw["default"])
            if name in value:
                apply(value[name], child)
        if node.additional is not None:
            for name, item in value.items():
                if name not in node.properties:
                    apply(item, node.additional)
    elif isinstance(value, list):
        for item in value:
            apply(item, node.items)
