"""/openapi/v3 and its group documents, and a small /openapi/v2.

Types of builtin kinds come from published data, those of custom kinds from their CRD. The paths carry what clients
look for in them: the kind behind each, and which query parameters a write takes.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from . import objects
from .schema import builtin

if TYPE_CHECKING:
    from .objects import JsonObject
    from .registry import Registry
    from .resources import Resource

_DEFS = "#/$defs/"
_SCHEMAS = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


class OpenApi:
    """The documents of one server. Those of custom kinds are kept until a CRD changes, all others for good."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._documents: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._instance = secrets.token_hex(4)

    def _group_versions(self) -> list[tuple[str, str]]:
        groups = [(g, v) for g, versions in self._registry.groups().items() for v in versions]
        return [("", "v1"), *groups]

    def _generation(self, group: str, version: str) -> int:
        """Of the registry when its changes can concern the group, else 0."""
        custom = any(resource.crd for resource in self._registry.of(group, version))
        return self._registry.generation if custom else 0

    def index(self) -> JsonObject:
        """The list of group documents."""
        paths = {}
        for group, version in self._group_versions():
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            stamp = f"{self._instance}{self._generation(group, version)}{path}".encode()
            digest = hashlib.sha256(stamp).hexdigest()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
        return {"paths": paths}

    def document(self, group: str, version: str) -> bytes | None:
        """The document of a group version, None when that is not served."""
        resources = self._registry.of(group, version)
        if not resources:
            self._documents.pop((group, version), None)
            return None
        generation = self._generation(group, version)
        held = self._documents.get((group, version))
        if held is None or held[0] != generation:
            held = self._documents[group, version] = (generation, objects.encode(_group_document(resources)))
        return held[1]

    def swagger(self) -> bytes:
        """Swagger 2.0 with all kinds; its paths are left out."""
        schemas: JsonObject = {}
        for resource in self._registry.all():
            _add_resource_schemas(resource, schemas)
        text = objects.encode(schemas).replace(_SCHEMAS.encode(), b"#/definitions/")
        head = {"swagger": "2.0", "info": _info(), "paths": {}}
        return objects.encode(head)[:-1] + b',"definitions":' + text + b"}"


def _info() -> JsonObject:
    return {"title": "Kubernetes", "version": builtin.KUBERNETES_VERSION.rpartition(".")[0]}


def _group_document(resources: list[Resource]) -> JsonObject:
    schemas: JsonObject = {}
    paths: JsonObject = {}
    for resource in resources:
        _add_resource_schemas(resource, schemas)
        paths.update(_paths(resource))
    for name in ("DeleteOptions", "Status", "WatchEvent"):
        _add_definition(_META + name, schemas)
    return {"openapi": "3.0.0", "info": _info(), "paths": paths, "components": {"schemas": schemas}}


def definition_name(resource: Resource) -> str:
    """The name of a kind's schema: published for builtin kinds, reversed group for custom ones."""
    if resource.crd:
        reverse = ".".join(reversed(resource.group.split(".")))
        return f"{reverse}.{resource.version}.{resource.kind}"
    return builtin.names_by_kind()[resource.group, resource.version, resource.kind]


def _add_resource_schemas(resource: Resource, schemas: JsonObject) -> None:
    name = definition_name(resource)
    if not resource.crd:
        _add_definition(name, schemas)
        list_name = name + "List"
        if list_name in builtin.definitions():
            _add_definition(list_name, schemas)
        return
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    raw = dict(resource.crd.extra.get("schema", {}).get("openAPIV3Schema") or {"type": "object"})
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **raw.get("properties", {}),
        "metadata": {"allOf": [{"$ref": _SCHEMAS + builtin.OBJECT_META}]},
    }
    schemas[name] = {**raw, "properties": properties, "x-kubernetes-group-version-kind": [kind]}
    schemas[name + "List"] = {
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": f"{_SCHEMAS}{_META}ListMeta"}]},
            "items": {"type": "array", "items": {"allOf": [{"$ref": _SCHEMAS + name}]}},
        },
        "x-kubernetes-group-version-kind": [{**kind, "kind": resource.list_kind}],
    }
    _add_definition(builtin.OBJECT_META, schemas)
    _add_definition(_META + "ListMeta", schemas)


def _add_definition(name: str, schemas: JsonObject) -> None:
    """A definition and everything it refers to."""
    waiting = [name]
    while waiting:
        current = waiting.pop()
        raw = builtin.definitions().get(current)
        if current in schemas or raw is None:
            continue
        found: list[str] = []
        schemas[current] = _converted(raw, found)
        waiting.extend(found)


def _converted(raw: Any, references: list[str]) -> Any:
    """JSON schema as OpenAPI 3.0 writes it: one type, $ref alone or below allOf."""
    if isinstance(raw, list):
        return [_converted(item, references) for item in raw]
    if not isinstance(raw, dict):
        return raw
    out: JsonObject = {}
    for key, value in raw.items():
        if key == "$ref" and isinstance(value, str):
            name = value.removeprefix(_DEFS)
            references.append(name)
            out["allOf"] = [{"$ref": _SCHEMAS + name}]
        elif key == "type" and isinstance(value, list):
            out["type"] = next(t for t in value if t != "null")
        elif key == "properties":
            out["properties"] = {k: _property(k, v, references) for k, v in value.items()}
        elif key == "oneOf":
            types = [next(t for t in option["type"] if t != "null") for option in value]
            out["oneOf"] = [{"type": t} for t in types]
            if "integer" in types:
                out["format"] = "int-or-string"
        else:
            out[key] = _converted(value, references)
    return out


def _property(name: str, raw: Any, references: list[str]) -> Any:
    converted = _converted(raw, references)
    if name in ("apiVersion", "kind") and isinstance(converted, dict):
        converted.pop("enum", None)
    return converted


def _paths(resource: Resource) -> JsonObject:
    base = resource.path + ("/namespaces/{namespace}" if resource.namespaced else "") + f"/{resource.plural}"
    paths: JsonObject = {base: _collection_path(resource)}
    if "get" in resource.verbs:
        paths[base + "/{name}"] = _object_path(resource)
        if resource.namespaced:
            paths[f"{resource.path}/{resource.plural}"] = {"get": _operation(resource, "list")}
        if resource.has_status:
            paths[base + "/{name}/status"] = _object_path(resource, deletable=False)
    return paths


def _collection_path(resource: Resource) -> JsonObject:
    path: JsonObject = {"post": _operation(resource, "post", body=True)}
    if "list" in resource.verbs:
        path["get"] = _operation(resource, "list")
        path["delete"] = _operation(resource, "deletecollection")
    path["parameters"] = _path_parameters(resource, named=False)
    return path


def _object_path(resource: Resource, *, deletable: bool = True) -> JsonObject:
    path: JsonObject = {
        "get": _operation(resource, "get"),
        "put": _operation(resource, "put", body=True),
        "patch": _operation(resource, "patch", body=True, parameters=(*_WRITE_PARAMETERS, "force")),
    }
    if deletable:
        path["delete"] = _operation(resource, "delete")
    path["parameters"] = _path_parameters(resource, named=True)
    return path


def _path_parameters(resource: Resource, *, named: bool) -> list[JsonObject]:
    names = (["name"] if named else []) + (["namespace"] if resource.namespaced else [])
    return [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]


def _operation(
    resource: Resource, action: str, *, body: bool = False, parameters: tuple[str, ...] = _WRITE_PARAMETERS
) -> JsonObject:
    name = definition_name(resource)
    answered = name + "List" if action == "list" else name
    schema = {"$ref": _SCHEMAS + answered}
    words = "".join(part.capitalize() for part in (resource.group or "core").split("."))
    scope = "Namespaced" if resource.namespaced else ""
    operation: JsonObject = {
        "operationId": f"{action}{words}{resource.version.capitalize()}{scope}{resource.kind}",
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }
    if body:
        operation["parameters"] = [
            {"name": p, "in": "query", "schema": {"type": "boolean" if p == "force" else "string"}} for p in parameters
        ]
        media: tuple[str, ...] = _PATCH_TYPES if action == "patch" else ("*/*",)
        if resource.crd:  # kubectl takes the first that it finds here
            media = tuple(m for m in media if "strategic" not in m)
        sent = {"$ref": _SCHEMAS + name} if action != "patch" else {"type": "object"}
        operation["requestBody"] = {"content": {m: {"schema": sent} for m in media}, "required": True}
    return operation
