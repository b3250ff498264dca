"""What a kind does beyond the common lifecycle: defaults, what a writer may set, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..objects import keep
from ..schema.node import ANY, Node

if TYPE_CHECKING:
    from ..context import Api
    from ..errors import Cause
    from ..objects import JsonObject
    from ..resources import Resource


class Behaviour:
    """The plain kind: nothing special. All methods work on the object that is about to be stored."""

    schema: Node = ANY
    keeps_status = False  # whether an object may be created together with its status

    def decode(self, obj: JsonObject, unknown: list[str]) -> JsonObject:
        """A client's object as its type reads it: paths of fields that are not known are added to `unknown`.

        Raises schema.decode.MismatchError where a value has the wrong type.
        """
        return obj

    def default(self, obj: JsonObject) -> None:
        """Fills in what a client left out."""

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        """Sets what only the system sets; allocates. The status sent was dropped already."""

    def prepare_update(self, api: Api, resource: Resource, obj: JsonObject, old: JsonObject) -> None:
        """Carries over what a writer of the main resource does not own."""
        if resource.has_status:
            keep(obj, old, "status")

    def prepare_status_update(self, obj: JsonObject, old: JsonObject) -> None:
        """Of a write to /status only the status counts (metadata is put back by the common part)."""
        for key in set(obj) | set(old):
            if key not in ("apiVersion", "kind", "metadata", "status"):
                keep(obj, old, key)

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        return []

    def changes_generation(self, obj: JsonObject, old: JsonObject) -> bool:
        """Whether a difference is one of the desired state."""
        ignored = ("metadata", "status", "apiVersion", "kind")
        return any(obj.get(k) != old.get(k) for k in set(obj) | set(old) if k not in ignored)

    def stored(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        """Called after an object was written."""

    def removed_before_use(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        """Called when what prepare_create allocated is not needed after all."""
        self.removed(api, resource, obj)

    def removed(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        """Called after an object is gone."""
