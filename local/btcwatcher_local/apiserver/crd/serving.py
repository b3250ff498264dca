"""A CRD as the resources it serves, and the status that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import objects
from ..registry import version_priority
from ..resources import ALL_VERBS, CustomVersion, Resource
from ..schema import builtin
from ..schema.node import ANY, Node

if TYPE_CHECKING:
    from ..context import Api
    from ..objects import JsonObject

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


def default_names(spec: JsonObject) -> None:
    """singular and listKind follow from kind."""
    names = spec.setdefault("names", {})
    kind = str(names.get("kind", ""))
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", kind + "List")
    spec.setdefault("conversion", {"strategy": "None"})


def accepted_status(spec: JsonObject, old: JsonObject | None) -> JsonObject:
    """status of a CRD whose names are free: established at once."""
    moment = objects.now()
    conditions = [
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    stored = list((old or {}).get("storedVersions") or [])
    current = next((v["name"] for v in spec.get("versions") or [] if v.get("storage")), "")
    if current and current not in stored:
        stored.append(current)
    kept = (old or {}).get("conditions")
    return {
        "conditions": kept
        or [
            {"type": t, "status": "True", "lastTransitionTime": moment, "reason": r, "message": m}
            for t, r, m in conditions
        ],
        "acceptedNames": objects.copy_of(spec.get("names") or {}),
        "storedVersions": stored,
    }


def resources_of(crd: JsonObject) -> list[Resource]:
    """Every served version as a resource, the preferred one first."""
    spec = crd["spec"]
    names = spec["names"]
    storage_version = next(v["name"] for v in spec["versions"] if v.get("storage"))
    served = [v for v in spec["versions"] if v.get("served")]
    out = []
    for version in sorted(served, key=lambda v: version_priority(v["name"])):
        subresources = version.get("subresources") or {}
        out.append(
            Resource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                kind=names["kind"],
                namespaced=spec.get("scope") == "Namespaced",
                singular=names.get("singular", ""),
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=tuple(s for s in ("status", "scale") if s in subresources),
                verbs=ALL_VERBS,
                storage=(spec["group"], names["plural"]),
                storage_version=storage_version,
                has_generation=True,
                unconditional_update=False,
                storage_kind=names["kind"],
                crd=_custom_version(version, names),
            )
        )
    return out


def _custom_version(version: JsonObject, names: JsonObject) -> CustomVersion:
    return CustomVersion(
        name=version["name"],
        list_kind=names.get("listKind") or names["kind"] + "List",
        schema=whole_schema((version.get("schema") or {}).get("openAPIV3Schema")),
        printer_columns=tuple(version.get("additionalPrinterColumns") or ()),
        scale=(version.get("subresources") or {}).get("scale"),
        selectable_fields=tuple(f["jsonPath"] for f in version.get("selectableFields") or ()),
        extra=version,
    )


class CustomRoot(Node):
    """The schema of a custom kind: what the CRD says, and the metadata that every object has."""

    def __init__(self, raw: dict[str, Any]) -> None:
        super().__init__(raw)
        self.properties.setdefault("apiVersion", Node({"type": "string"}))
        self.properties.setdefault("kind", Node({"type": "string"}))
        self.properties["metadata"] = builtin.object_meta()


def whole_schema(raw: JsonObject | None) -> Node:
    return CustomRoot(raw) if raw else ANY


def serve(api: Api, crd: JsonObject) -> None:
    """Serves what a stored CRD says from now on. What is served already the same way stays untouched."""
    spec = crd["spec"]
    served = api.served_specs
    key = (spec["group"], spec["names"]["plural"])
    if served.get(key) == spec:
        return
    served[key] = spec
    api.registry.replace_custom(spec["group"], spec["names"]["plural"], resources_of(crd))


def withdraw(api: Api, crd: JsonObject) -> None:
    """Stops serving a CRD that is gone, with all its objects."""
    spec = crd["spec"]
    api.served_specs.pop((spec["group"], spec["names"]["plural"]), None)
    api.registry.replace_custom(spec["group"], spec["names"]["plural"], [])
    api.store.drop(spec["group"], spec["names"]["plural"])
