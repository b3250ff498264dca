"""Whether a CustomResourceDefinition can be served: names, versions, and structural schemas with their rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import errors
from ..cel.rules import check_rules, compile_causes
from ..names import LABEL_1035, LABEL_1035_WORDS
from ..objects import copy_of
from ..schema import prune
from ..schema.node import Node
from ..schema.patterns import compiled
from ..schema.validate import check
from ..table import jsonpath

if TYPE_CHECKING:
    from ..errors import Cause
    from ..objects import JsonObject

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_VERSION = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def definition_causes(obj: JsonObject, old: JsonObject | None) -> list[Cause]:
    """Field errors of a CRD."""
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    causes = [errors.required(f"spec.{f}") for f in ("group", "scope") if not spec.get(f)]
    causes += [errors.required(f"spec.names.{f}") for f in ("plural", "kind") if not names.get(f)]
    if causes:
        return causes
    expected = f"{names['plural']}.{spec['group']}"
    if obj["metadata"]["name"] != expected:
        causes.append(
            errors.invalid_value("metadata.name", obj["metadata"]["name"], 'must be spec.names.plural+"."+spec.group')
        )
    for field in ("plural", "singular"):
        if names.get(field) and not LABEL_1035.fullmatch(names[field]):
            causes.append(errors.invalid_value(f"spec.names.{field}", names[field], LABEL_1035_WORDS))
    if spec["scope"] not in ("Cluster", "Namespaced"):
        causes.append(errors.not_supported("spec.scope", spec["scope"], ("Cluster", "Namespaced")))
    if old is not None:
        for path, now, before in (
            ("spec.scope", spec["scope"], old["spec"]["scope"]),
            ("spec.names.kind", names["kind"], old["spec"]["names"]["kind"]),
        ):
            if now != before:
                causes.append(errors.invalid_value(path, now, "field is immutable"))
    return causes + _versions(spec)


def _versions(spec: JsonObject) -> list[Cause]:
    versions = spec.get("versions") or []
    if not versions:
        return [errors.required("spec.versions", "must have at least one version")]
    causes: list[Cause] = []
    if sum(bool(v.get("storage")) for v in versions) != 1:
        listed = [{"name": v.get("name")} for v in versions]
        detail = "must have exactly one version marked as storage version"
        causes.append(errors.invalid_value("spec.versions", listed, detail))
    for index, version in enumerate(versions):
        at = f"spec.versions[{index}]"
        if not _VERSION.fullmatch(str(version.get("name", ""))):
            causes.append(errors.invalid_value(f"{at}.name", version.get("name", ""), LABEL_1035_WORDS))
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not isinstance(schema, dict):
            causes.append(errors.required(f"{at}.schema.openAPIV3Schema", "schemas are required"))
            continue
        # The real server speaks of the internal form, where a single version's schema lies elsewhere.
        path = "spec.validation.openAPIV3Schema" if len(versions) == 1 else f"{at}.schema.openAPIV3Schema"
        causes += schema_causes(schema, path)
        causes += _columns(version.get("additionalPrinterColumns") or [], f"{at}.additionalPrinterColumns")
    return causes


def _columns(columns: list[JsonObject], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, column in enumerate(columns):
        at = f"{path}[{index}]"
        if column.get("type") not in _COLUMN_TYPES:
            causes.append(errors.not_supported(f"{at}.type", column.get("type"), _COLUMN_TYPES))
        try:
            jsonpath.compiled(str(column.get("jsonPath", "")))
        except ValueError as error:
            causes.append(errors.invalid_value(f"{at}.jsonPath", column.get("jsonPath"), str(error)))
    return causes


def schema_causes(raw: JsonObject, path: str) -> list[Cause]:
    """Field errors of a whole schema."""
    causes: list[Cause] = []
    if raw.get("type") != "object":
        causes.append(errors.invalid_value(f"{path}.type", raw.get("type", ""), "must be object at the root"))
    causes += _structural(raw, path)
    if not causes:
        node = Node(raw)
        causes += compile_causes(node, path)
        if not causes:
            causes += _defaults(node, path)
    return causes


def _structural(raw: JsonObject, path: str) -> list[Cause]:
    causes: list[Cause] = []
    kind = raw.get("type")
    free = raw.get("x-kubernetes-preserve-unknown-fields") or raw.get("x-kubernetes-int-or-string")
    if not kind and not free:
        causes.append(errors.required(f"{path}.type", "must not be empty for specified object fields"))
    if kind and kind not in _TYPES:
        causes.append(errors.not_supported(f"{path}.type", kind, _TYPES))
    if raw.get("properties") and raw.get("additionalProperties"):
        detail = "additionalProperties and properties are mutual exclusive"
        causes.append(errors.forbidden_value(f"{path}.additionalProperties", detail))
    if raw.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        causes.append(errors.forbidden_value(f"{path}.uniqueItems", detail))
    if raw.get("pattern"):
        causes += _pattern(raw["pattern"], f"{path}.pattern")
    if kind == "array" and not isinstance(raw.get("items"), dict):
        causes.append(errors.required(f"{path}.items", "must be specified"))
    causes += _list_type(raw, path)
    for name, child in (raw.get("properties") or {}).items():
        if path.endswith("openAPIV3Schema") and name == "metadata":
            continue
        causes += _structural(child, f"{path}.properties[{name}]")
    for keyword in ("additionalProperties", "items"):
        if isinstance(raw.get(keyword), dict):
            causes += _structural(raw[keyword], f"{path}.{keyword}")
    return causes


def _pattern(pattern: str, path: str) -> list[Cause]:
    try:
        compiled(pattern)
    except re.error as error:
        return [errors.invalid_value(path, pattern, f"must be a valid regular expression, but isn't: {error}")]
    return []


def _list_type(raw: JsonObject, path: str) -> list[Cause]:
    keys = raw.get("x-kubernetes-list-map-keys") or []
    items = raw.get("items") if isinstance(raw.get("items"), dict) else {}
    if raw.get("x-kubernetes-list-type") != "map":
        if keys:
            detail = "must be map if x-kubernetes-list-map-keys is non-empty"
            return [errors.invalid_value(f"{path}.x-kubernetes-list-type", raw.get("x-kubernetes-list-type"), detail)]
        return []
    if not keys:
        detail = "must not be empty if x-kubernetes-list-type is map"
        return [errors.required(f"{path}.x-kubernetes-list-map-keys", detail)]
    causes: list[Cause] = []
    properties: JsonObject = (items or {}).get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            detail = "entries must all be names of item properties"
            causes.append(errors.invalid_value(f"{path}.x-kubernetes-list-map-keys[{index}]", key, detail))
        elif key not in ((items or {}).get("required") or []) and "default" not in properties[key]:
            detail = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            )
            causes.append(errors.required(f"{path}.items.properties[{key}].default", detail))
    return causes


def _defaults(node: Node, path: str) -> list[Cause]:
    """A default must be valid as it stands: nested defaults and rules see it before anything is filled in."""
    causes: list[Cause] = []
    if "default" in node.raw:
        causes += _default(node, node.raw["default"], f"{path}.default")
    for name, child in node.properties.items():
        causes += _defaults(child, f"{path}.properties[{name}]")
    if isinstance(node.raw.get("additionalProperties"), dict) and node.additional is not None:
        causes += _defaults(node.additional, f"{path}.additionalProperties")
    if isinstance(node.raw.get("items"), dict):
        causes += _defaults(node.items, f"{path}.items")
    return causes


def _default(node: Node, value: Any, path: str) -> list[Cause]:
    unknown: list[str] = []
    prune.prune(copy_of(value), node, path, unknown)
    if unknown:
        return [errors.invalid_value(path, value, "must not have unknown fields")]
    return check(value, node, path) + check_rules(value, None, node, creating=True, path=path)
