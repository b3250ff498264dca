"""ObjectMeta: what is checked, stamped and carried over for every kind alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors, objects
from .names import (
    LABEL,
    LABEL_WORDS,
    SUBDOMAIN,
    SUBDOMAIN_WORDS,
    key_causes,
    label_causes,
)
from .objects import get_path, keep

if TYPE_CHECKING:
    from .errors import Cause
    from .objects import JsonObject
    from .resources import Resource

_SYSTEM_FIELDS = ("creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
_ANNOTATION_LIMIT = 256 * 1024

_LABEL_NAMES = {("", "Namespace"), ("", "Service"), ("apps", "StatefulSet")}
_RBAC = "rbac.authorization.k8s.io"


def begin(resource: Resource, namespace: str, name: str, obj: Any) -> JsonObject:
    """Checks that a body belongs to the URL it was sent to, and returns its metadata. Raises 400."""
    if not isinstance(obj, dict):
        raise errors.bad_request("the body of the request is not an object")
    version, kind = obj.get("apiVersion"), obj.get("kind")
    if resource.crd and not kind:
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): Object 'Kind' is missing in "
            f"'{objects.encode(obj).decode()[:200]}'"
        )
    if version and version not in (resource.group_version, resource.storage_group_version):
        raise errors.bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.group_version})"
        )
    if kind and kind != resource.kind:
        cause = errors.invalid_value("kind", kind, f"must be {resource.kind}")
        raise errors.invalid(resource.group, kind, str(get_path(obj, "metadata", "name") or ""), [cause])
    obj["apiVersion"], obj["kind"] = resource.storage_group_version, resource.storage_kind or resource.kind
    if not isinstance(obj.get("metadata", {}), dict):
        raise errors.bad_request("json: cannot unmarshal into Go struct field .metadata of type v1.ObjectMeta")
    meta = objects.metadata(obj)
    if resource.namespaced:
        if meta.get("namespace") not in (None, "", namespace):
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = namespace
    else:
        meta.pop("namespace", None)
    if name:
        if meta.get("name") not in (None, "", name):
            raise errors.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
            )
        meta["name"] = name
    return meta


def generate_name(resource: Resource, obj: JsonObject) -> None:
    meta = obj["metadata"]
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"][:58] + objects.random_suffix()


def stamp_new(resource: Resource, obj: JsonObject) -> None:
    """What the system sets on a new object."""
    meta = obj["metadata"]
    for key in (*_SYSTEM_FIELDS, "generation", "resourceVersion"):
        meta.pop(key, None)
    meta["uid"] = objects.new_uid()
    meta["creationTimestamp"] = objects.now()
    if resource.has_generation:
        meta["generation"] = 1
    tidy(meta)


def tidy(meta: JsonObject) -> None:
    """Empty maps and lists of metadata are left out, as Go's omitempty does."""
    for key in ("labels", "annotations", "finalizers", "ownerReferences", "managedFields"):
        if key in meta and not meta[key]:
            del meta[key]


def check_preconditions(resource: Resource, obj: JsonObject, old: JsonObject) -> None:
    """409 when the writer saw another version or another object of that name."""
    meta, old_meta = obj["metadata"], old["metadata"]
    name = old_meta["name"]
    uid = meta.get("uid")
    if uid and uid != old_meta["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old_meta['uid']}"
        raise errors.conflict(resource, name, why)
    version = meta.get("resourceVersion")
    if not version and not resource.unconditional_update:
        cause = errors.invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
        raise errors.invalid(resource.group, resource.plural, name, [cause])
    if version and version != old_meta["resourceVersion"]:
        raise errors.stale(resource, name)


def carry_over(obj: JsonObject, old: JsonObject) -> None:
    """System fields stay what they were, whatever the writer sent."""
    for key in _SYSTEM_FIELDS:
        keep(obj["metadata"], old["metadata"], key)
    tidy(obj["metadata"])


def keep_all_but_managers(obj: JsonObject, old: JsonObject) -> None:
    """A write to /status changes no metadata but managedFields."""
    managers = obj["metadata"].get("managedFields")
    obj["metadata"] = objects.copy_of(old["metadata"])
    if managers is not None:
        obj["metadata"]["managedFields"] = managers


def name_causes(resource: Resource, name: str) -> list[Cause]:
    """Field errors of metadata.name."""
    if not isinstance(name, str):
        return [errors.invalid_value("metadata.name", name, "must be a string")]
    if resource.group == _RBAC:
        bad = name in (".", "..") or "/" in name or "%" in name
        return [errors.invalid_value("metadata.name", name, "may not contain '/' or '%'")] if bad else []
    identity = (resource.group, resource.kind)
    if identity in _LABEL_NAMES:
        pattern, words, limit = LABEL, LABEL_WORDS, 63
    else:
        pattern, words, limit = SUBDOMAIN, SUBDOMAIN_WORDS, 253
    if words is LABEL_WORDS and "." in name:
        return [errors.invalid_value("metadata.name", name, "must not contain dots")]
    causes = []
    if len(name) > limit:
        causes.append(errors.invalid_value("metadata.name", name, f"must be no more than {limit} characters"))
    if not pattern.fullmatch(name):
        causes.append(errors.invalid_value("metadata.name", name, words))
    return causes


def validate(resource: Resource, obj: JsonObject) -> list[Cause]:
    """Field errors of a new object's metadata."""
    meta = obj["metadata"]
    if not meta.get("name"):
        return [errors.required("metadata.name", "name or generateName is required")]
    return name_causes(resource, meta["name"]) + _common(meta)


def validate_update(obj: JsonObject, old: JsonObject) -> list[Cause]:
    meta, old_meta = obj["metadata"], old["metadata"]
    causes = _common(meta)
    if old_meta.get("deletionTimestamp"):
        added = [f for f in meta.get("finalizers") or [] if f not in (old_meta.get("finalizers") or [])]
        if added:
            listed = ", ".join(f'"{f}"' for f in added)
            causes.append(
                errors.forbidden_value(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, found new finalizers "
                    f"[]string{{{listed}}}",
                )
            )
    return causes


def _common(meta: JsonObject) -> list[Cause]:
    return label_causes(meta.get("labels"), "metadata.labels") + _annotations(meta) + _owners(meta)


def _annotations(meta: JsonObject) -> list[Cause]:
    path = "metadata.annotations"
    causes: list[Cause] = []
    total = 0
    for key, value in (meta.get("annotations") or {}).items():
        causes.extend(key_causes(key.lower(), path))
        total += len(key) + len(str(value))
    if total > _ANNOTATION_LIMIT:
        message = f"Too long: may not be more than {_ANNOTATION_LIMIT} bytes"
        causes.append(errors.Cause("FieldValueTooLong", message, path))
    return causes


def _owners(meta: JsonObject) -> list[Cause]:
    causes: list[Cause] = []
    controllers = 0
    for index, owner in enumerate(meta.get("ownerReferences") or []):
        path = f"metadata.ownerReferences[{index}]"
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                causes.append(errors.invalid_value(f"{path}.{key}", owner.get(key) or "", "must not be empty"))
        controllers += bool(owner.get("controller"))
    if controllers > 1:
        causes.append(
            errors.invalid_value(
                "metadata.ownerReferences",
                meta["ownerReferences"],
                "Only one reference can have Controller set to true",
            )
        )
    return causes
