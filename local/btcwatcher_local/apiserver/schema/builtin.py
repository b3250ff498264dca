"""Schemas of the builtin kinds, from the data of the kubernetes-validate wheel."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from .. import objects
from .node import Node

if TYPE_CHECKING:
    from ..objects import JsonObject

KUBERNETES_VERSION = "1.37.0"
_PREFIX = "#/$defs/"

# The published data leaves these defaults out, yet they are part of a list's key.
_KEY_DEFAULTS = {
    "io.k8s.api.core.v1.ContainerPort": {"protocol": "TCP"},
    "io.k8s.api.core.v1.ServicePort": {"protocol": "TCP"},
}

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


@cache
def definitions() -> dict[str, JsonObject]:
    """All published definitions by their dotted name."""
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES_VERSION}-local"
    document: dict[str, Any] = objects.decode((folder / "_definitions.json").read_bytes())
    found: dict[str, JsonObject] = document["$defs"]
    for name, defaults in _KEY_DEFAULTS.items():
        for field, value in defaults.items():
            found[name]["properties"][field]["default"] = value
    return found


@cache
def resolve(reference: str) -> Node:
    return Node(definitions()[reference.removeprefix(_PREFIX)], resolve)


@cache
def names_by_kind() -> dict[tuple[str, str, str], str]:
    """Definition names by (group, version, kind)."""
    out: dict[tuple[str, str, str], str] = {}
    for name, raw in definitions().items():
        kinds = raw.get("x-kubernetes-group-version-kind") or []
        if len(kinds) == 1:  # those with many (DeleteOptions) are not kinds of their own
            kind = kinds[0]
            out[kind["group"], kind["version"], kind["kind"]] = name
    return out


def schema_of(group: str, version: str, kind: str) -> Node:
    """The schema of a builtin kind; KeyError when the data does not have it."""
    return resolve(_PREFIX + names_by_kind()[group, version, kind])


@cache
def object_meta() -> Node:
    return resolve(_PREFIX + OBJECT_META)
