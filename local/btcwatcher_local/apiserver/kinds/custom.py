"""Custom kinds: everything about them stands in their CRD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cel.rules import check_rules, has_rules
from ..schema import builtin, defaults, prune
from ..schema.decode import decode
from ..schema.validate import BLOCKING, NOT_CHECKED, check
from .behaviour import Behaviour

if TYPE_CHECKING:
    from ..errors import Cause
    from ..objects import JsonObject
    from ..schema.node import Node


class CustomBehaviour(Behaviour):
    def __init__(self, schema: Node) -> None:
        self.schema = schema

    def decode(self, obj: JsonObject, unknown: list[str]) -> JsonObject:
        out = dict(obj)
        out["metadata"] = decode(obj.get("metadata") or {}, builtin.object_meta(), "metadata", unknown)
        body = {k: v for k, v in out.items() if k not in ("apiVersion", "kind", "metadata")}
        prune.prune(body, self.schema, "", unknown)
        prune.drop_nulls(body, self.schema)
        defaults.apply(body, self.schema)
        return {k: out[k] for k in ("apiVersion", "kind", "metadata") if k in out} | body

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        causes = check(obj, self.schema, old=old)
        if not has_rules(self.schema):
            return causes
        if any(cause.reason in BLOCKING for cause in causes):
            return [*causes, NOT_CHECKED]
        return causes + check_rules(obj, old, self.schema, creating=old is None)
