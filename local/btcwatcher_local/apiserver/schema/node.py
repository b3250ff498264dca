"""One place in a type: what lies there, and how lists and maps merge.

The same class reads the OpenAPI of builtin kinds (with $ref) and the structural schema of a CRD.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..objects import JsonObject

    Resolve = Callable[[str], "Node"]


class Node:
    """A schema node; children are made when asked for."""

    def __init__(self, raw: JsonObject, resolve: Resolve | None = None) -> None:
        self.raw = raw
        self._resolve = resolve

    def _child(self, raw: Any) -> Node:
        if not isinstance(raw, dict):
            return ANY
        reference = raw.get("$ref")
        if reference is not None and self._resolve is not None:
            return self._resolve(reference)
        return Node(raw, self._resolve)

    @cached_property
    def properties(self) -> dict[str, Node]:
        return {name: self._child(raw) for name, raw in (self.raw.get("properties") or {}).items()}

    @cached_property
    def additional(self) -> Node | None:
        """Type of the values of a map with free keys."""
        raw = self.raw.get("additionalProperties")
        if raw is True:
            return ANY
        return self._child(raw) if isinstance(raw, dict) else None

    @cached_property
    def items(self) -> Node:
        raw = self.raw.get("items")
        return self._child(raw) if isinstance(raw, dict) else ANY

    @cached_property
    def types(self) -> tuple[str, ...]:
        """JSON types without null; empty when anything goes."""
        declared = self.raw.get("type")
        if isinstance(declared, list):
            return tuple(t for t in declared if t != "null")
        return (declared,) if isinstance(declared, str) and declared else ()

    @cached_property
    def nullable(self) -> bool:
        declared = self.raw.get("type")
        return bool(self.raw.get("nullable")) or (isinstance(declared, list) and "null" in declared)

    @cached_property
    def preserve(self) -> bool:
        """Keeps fields that are not declared."""
        if self.raw.get("x-kubernetes-preserve-unknown-fields"):
            return True
        # In the builtin data a bare object (RawExtension, JSON) is free-form.
        free = "properties" not in self.raw and "additionalProperties" not in self.raw
        return free and self._resolve is not None and self.types in ((), ("object",)) and "oneOf" not in self.raw

    @cached_property
    def int_or_string(self) -> bool:
        if self.raw.get("x-kubernetes-int-or-string"):
            return True
        return "oneOf" in self.raw and self._resolve is not None

    @cached_property
    def embedded(self) -> bool:
        return bool(self.raw.get("x-kubernetes-embedded-resource"))

    @cached_property
    def list_type(self) -> str:
        """atomic, set or map."""
        declared: str = self.raw.get("x-kubernetes-list-type") or "atomic"
        return declared

    @cached_property
    def map_keys(self) -> tuple[str, ...]:
        return tuple(self.raw.get("x-kubernetes-list-map-keys") or ())

    @cached_property
    def atomic_map(self) -> bool:
        return self.raw.get("x-kubernetes-map-type") == "atomic"

    @cached_property
    def patch_merge_key(self) -> str | None:
        return self.raw.get("x-kubernetes-patch-merge-key")

    @cached_property
    def patch_strategies(self) -> frozenset[str]:
        return frozenset((self.raw.get("x-kubernetes-patch-strategy") or "").split(","))

    def alternatives(self, keyword: str) -> list[Node]:
        """The schemas below allOf, anyOf, oneOf or not; remembered."""
        cache: dict[str, list[Node]] = self.__dict__.setdefault("_alternatives", {})
        if keyword not in cache:
            raw = self.raw.get(keyword) or []
            listed = raw if isinstance(raw, list) else [raw]
            cache[keyword] = [self._child(r) for r in listed]
        return cache[keyword]

    def field(self, name: str) -> Node | None:
        """The type of a field or map value; None when the field is unknown here."""
        found = self.properties.get(name)
        if found is not None:
            return found
        if self.additional is not None:
            return self.additional
        return ANY if self.preserve else None

    def is_struct_field(self, name: str) -> bool:
        return name in self.properties


# Nothing is known: maps merge by key, lists are replaced as a whole.
ANY = Node({"x-kubernetes-preserve-unknown-fields": True})
