"""What all builtin kinds have in common: a published type."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..schema import builtin
from ..schema.decode import decode
from .behaviour import Behaviour

if TYPE_CHECKING:
    from ..objects import JsonObject
    from ..schema.node import Node


class BuiltinBehaviour(Behaviour):
    def __init__(self, group: str, version: str, kind: str) -> None:
        self._identity = (group, version, kind)

    @cached_property
    def schema(self) -> Node:  # type: ignore[override]
        return builtin.schema_of(*self._identity)

    def decode(self, obj: JsonObject, unknown: list[str]) -> JsonObject:
        decoded: JsonObject = decode(obj, self.schema, "", unknown)
        return decoded
