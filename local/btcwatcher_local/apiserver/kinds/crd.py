"""CustomResourceDefinition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..crd import serving
from ..crd.validate import definition_causes
from .builtin import BuiltinBehaviour

if TYPE_CHECKING:
    from ..context import Api
    from ..errors import Cause
    from ..objects import JsonObject
    from ..resources import Resource


class CrdBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.get("spec")
        if isinstance(spec, dict) and isinstance(spec.get("names", {}), dict):
            serving.default_names(spec)

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["metadata"]["finalizers"] = [*(obj["metadata"].get("finalizers") or []), serving.FINALIZER]
        obj["status"] = serving.accepted_status(obj.get("spec") or {}, None)

    def prepare_update(self, api: Api, resource: Resource, obj: JsonObject, old: JsonObject) -> None:
        obj["status"] = serving.accepted_status(obj.get("spec") or {}, old.get("status"))

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        unchanged = old is not None and obj["spec"] == old["spec"]
        return [] if status_only or unchanged else definition_causes(obj, old)

    def stored(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        serving.serve(api, obj)
        if obj["metadata"].get("deletionTimestamp"):
            api.terminating.set()

    def removed(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        serving.withdraw(api, obj)

    def removed_before_use(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        """Nothing was allocated, and nothing may be withdrawn."""
