"""The custom kind of tests/data/widgets-crd.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .apiservers import ApiServer, Object

GROUP_VERSION = "conformance.btcwatcher.io/v1"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Widgets:
    """Widgets of one namespace."""

    server: ApiServer
    namespace: str

    @property
    def path(self) -> str:
        return f"/apis/{GROUP_VERSION}/namespaces/{self.namespace}/widgets"

    def new(self, name: str, /, **spec: Any) -> Object:
        spec.setdefault("color", "red")
        return {"apiVersion": GROUP_VERSION, "kind": "Widget", "metadata": {"name": name}, "spec": spec}

    def create(self, name: str, /, **spec: Any) -> Object:
        return self.server.ok("POST", self.path, self.new(name, **spec))

    def get(self, name: str) -> Object:
        return self.server.ok("GET", f"{self.path}/{name}")

    def merge(self, name: str, patch: Object, manager: str = "merger", sub: str = "") -> Object:
        return self.server.ok("PATCH", f"{self.path}/{name}{sub}?fieldManager={manager}", patch, content_type=MERGE)

    def apply(self, name: str, manager: str, *, force: bool = False, **spec: Any) -> Object:
        return self.server.ok(
            "PATCH", self.apply_path(name, manager, force=force), self.bare(name, spec), content_type=APPLY
        )

    def apply_refused(self, code: int, name: str, manager: str, **spec: Any) -> Object:
        return self.server.refused(
            code, "PATCH", self.apply_path(name, manager), self.bare(name, spec), content_type=APPLY
        )

    def apply_path(self, name: str, manager: str, *, force: bool = False) -> str:
        return f"{self.path}/{name}?fieldManager={manager}" + ("&force=true" if force else "")

    def bare(self, name: str, spec: Object) -> Object:
        return {"apiVersion": GROUP_VERSION, "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def owners(obj: Object) -> dict[tuple[str, str, str], Object]:
    """managedFields by manager, operation and subresource."""
    entries = obj["metadata"].get("managedFields", [])
    return {(e["manager"], e["operation"], e.get("subresource", "")): e["fieldsV1"] for e in entries}
