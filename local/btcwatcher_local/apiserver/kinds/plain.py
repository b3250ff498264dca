"""Kinds with a line or two of their own: ConfigMap, Secret, claims, volumes, events, namespaces, ingresses."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from .. import errors, quantity
from .builtin import BuiltinBehaviour

if TYPE_CHECKING:
    from ..context import Api
    from ..errors import Cause
    from ..objects import JsonObject
    from ..resources import Resource

_DATA_LIMIT = 1024 * 1024
_IMMUTABLE = "field is immutable when `immutable` is set"


class DataBehaviour(BuiltinBehaviour):
    """ConfigMap and Secret."""

    def default(self, obj: JsonObject) -> None:
        if obj["kind"] != "Secret":
            return
        if not obj.get("type"):
            obj["type"] = "Opaque"
        plain = obj.pop("stringData", None)
        if plain:
            data = obj["data"] = dict(obj.get("data") or {})
            data.update({k: base64.b64encode(v.encode()).decode() for k, v in plain.items()})

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        found: list[Cause] = []
        fields = ("data", "binaryData")
        if sum(len(v) for f in fields for v in (obj.get(f) or {}).values()) > _DATA_LIMIT * 4 // 3:
            found.append(
                errors.Cause("FieldValueTooLong", f"Too long: may not be more than {_DATA_LIMIT} bytes", "data")
            )
        if obj["kind"] == "Secret":
            found += _not_base64(obj.get("data") or {}, "data")
            if old is not None and obj["type"] != old.get("type"):
                found.append(errors.invalid_value("type", obj["type"], "field is immutable"))
        if old is not None and old.get("immutable"):
            if not obj.get("immutable"):
                found.append(errors.forbidden_value("immutable", _IMMUTABLE))
            found += [errors.forbidden_value(f, _IMMUTABLE) for f in fields if (obj.get(f) or {}) != (old.get(f) or {})]
        return found


def _not_base64(data: dict[str, Any], path: str) -> list[Cause]:
    found = []
    for key, value in data.items():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            found.append(errors.invalid_value(f"{path}[{key}]", "<value>", "illegal base64 data"))
    return found


class ClaimBehaviour(BuiltinBehaviour):
    """PersistentVolumeClaim."""

    def default(self, obj: JsonObject) -> None:
        obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"phase": "Pending"}
        protection = "kubernetes.io/pvc-protection"
        finalizers = obj["metadata"].get("finalizers") or []
        if api.claim_protection and protection not in finalizers:
            obj["metadata"]["finalizers"] = [*finalizers, protection]

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        spec = obj["spec"]
        found: list[Cause] = []
        if not spec.get("accessModes"):
            found.append(errors.required("spec.accessModes", "at least 1 access mode is required"))
        wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        if not wanted:
            found.append(errors.required("spec.resources[storage]"))
        if old is not None and wanted and not found:
            found += _changed_claim(spec, old["spec"], wanted)
        return found


def _changed_claim(spec: JsonObject, old: JsonObject, wanted: str) -> list[Cause]:
    def fixed(value: JsonObject) -> JsonObject:
        free = ("resources", "volumeName", "volumeAttributesClassName")
        return {k: v for k, v in value.items() if k not in free}

    if fixed(spec) != fixed(old) or (old.get("volumeName") and spec.get("volumeName") != old["volumeName"]):
        detail = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        return [errors.forbidden_value("spec", detail)]
    before = old["resources"]["requests"]["storage"]
    if quantity.parse(wanted) < quantity.parse(before):
        detail = "field can not be less than status.capacity"
        return [errors.forbidden_value("spec.resources.requests.storage", detail)]
    return []


class VolumeBehaviour(BuiltinBehaviour):
    """PersistentVolume."""

    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setdefault("volumeMode", "Filesystem")

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"phase": "Pending"}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        spec = obj["spec"]
        found = [] if spec.get("accessModes") else [errors.required("spec.accessModes")]
        return found if spec.get("capacity") else [*found, errors.required("spec.capacity")]


class NamespaceBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        name = obj["metadata"].get("name")
        if name:
            obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}

    def prepare_update(self, api: Api, resource: Resource, obj: JsonObject, old: JsonObject) -> None:
        super().prepare_update(api, resource, obj, old)
        obj["spec"] = old.get("spec", {})

    def stored(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        if obj["metadata"].get("deletionTimestamp"):
            api.terminating.set()


class NodeBehaviour(BuiltinBehaviour):
    """A node brings its status along when it registers."""

    keeps_status = True

    def default(self, obj: JsonObject) -> None:
        obj.setdefault("spec", {})


class IngressBehaviour(BuiltinBehaviour):
    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"loadBalancer": {}}

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        spec = obj.get("spec") or {}
        found: list[Cause] = []
        if not spec.get("rules") and not spec.get("defaultBackend"):
            detail = "either `defaultBackend` or `rules` must be specified"
            found.append(errors.invalid_value("spec", spec, detail))
        for index, rule in enumerate(spec.get("rules") or []):
            for number, path in enumerate((rule.get("http") or {}).get("paths") or []):
                at = f"spec.rules[{index}].http.paths[{number}]"
                if not path.get("pathType"):
                    found.append(errors.required(f"{at}.pathType", "pathType must be specified"))
                elif path["pathType"] != "ImplementationSpecific" and not str(path.get("path", "")).startswith("/"):
                    found.append(errors.invalid_value(f"{at}.path", path.get("path", ""), "must be an absolute path"))
                if not path.get("backend"):
                    found.append(errors.required(f"{at}.backend"))
        return found


class EventBehaviour(BuiltinBehaviour):
    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        about = obj.get("involvedObject") or {}
        namespace = about.get("namespace", "") or "default"
        if obj["metadata"].get("namespace") != namespace:
            detail = "does not match event.namespace"
            return [errors.invalid_value("involvedObject.namespace", about.get("namespace", ""), detail)]
        return []
