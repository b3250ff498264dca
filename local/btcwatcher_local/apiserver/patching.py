"""What a client sent, brought to the storage form and through the lifecycle: create, replace, patch, apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from . import bodies, errors, lifecycle, metadata, objects, views
from .access.attributes import Attributes
from .apply import managers
from .kinds import behaviour_of
from .patch import json_patch, merge_patch, strategic
from .schema import prune

if TYPE_CHECKING:
    from .context import Api
    from .lifecycle import Result, Target, Track
    from .objects import JsonObject
    from .request import WriteOptions

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_APPLY_TYPES = (APPLY_PATCH, "application/apply-patch+json")


def _identity(target: Target, options: WriteOptions, operation: str = "Update") -> managers.Identity:
    return managers.Identity(options.field_manager, operation, target.resource.group_version, target.subresource)


def tracker(target: Target, options: WriteOptions) -> Track:
    """Notes in an object's managedFields what its writer changed."""
    node = behaviour_of(target.resource).schema
    who = _identity(target, options)
    has_status = target.resource.has_status

    def track(obj: JsonObject, old: JsonObject | None) -> None:
        managers.track_update(obj, old, who, node, has_status=has_status)

    return track


def create(api: Api, target: Target, body: Any, options: WriteOptions) -> Result:
    return lifecycle.create(api, target, _stored_form(target, body), options, tracker(target, options))


def replace(api: Api, target: Target, body: Any, options: WriteOptions) -> Result:
    stored = _stored_form(target, body)
    return lifecycle.update(api, target, lambda _: stored, options, tracker(target, options))


def _stored_form(target: Target, body: Any) -> Any:
    """A body in the version that is stored; a wrong version or kind is left for the lifecycle to refuse."""
    resource = target.resource
    if not isinstance(body, dict):
        return body
    if body.get("apiVersion", resource.group_version) != resource.group_version:
        return body
    return views.to_storage(resource, body)


def patch(api: Api, target: Target, content_type: str, raw: bytes, options: WriteOptions) -> Result:
    """PATCH in any of its four formats."""
    if content_type in _APPLY_TYPES:
        return _apply(api, target, bodies.parse(APPLY_PATCH, raw), options)
    accepted = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    if not target.resource.crd:
        accepted.insert(2, STRATEGIC_PATCH)
    if content_type not in accepted:
        raise errors.unsupported_media_type(accepted)
    try:
        document = objects.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.bad_request(f"error decoding patch: {error}") from None

    def change(current: JsonObject) -> JsonObject:
        current = views.in_version(target.resource, current)
        if content_type == JSON_PATCH:
            changed = json_patch.apply(current, document)
        elif content_type == MERGE_PATCH:
            changed = merge_patch.apply(current, document)
        else:
            changed = strategic.apply(current, document, behaviour_of(target.resource).schema)
        if not isinstance(changed, dict):
            raise errors.unprocessable()
        stored: JsonObject = _stored_form(target, changed)
        return stored

    return lifecycle.update(api, target, change, options, tracker(target, options))


def _apply(api: Api, target: Target, body: Any, options: WriteOptions) -> Result:
    resource = target.resource
    body = _stored_form(target, body)
    sent = objects.copy_of(body)
    metadata.begin(resource, target.namespace, target.name, body)
    if not options.field_manager_given:
        cause = errors.required("fieldManager", "is required for apply patch")
        raise errors.invalid("meta.k8s.io", "PatchOptions", "", [cause])
    if body["metadata"].get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    node = behaviour_of(resource).schema
    who = _identity(target, options, "Apply")
    config = prune.without_nulls(sent) if resource.crd is None else sent

    def applied(live: JsonObject | None) -> JsonObject:
        return managers.apply(live, config, who, node, force=options.force, has_status=resource.has_status)

    if api.collection(resource).get(target.namespace, target.name) is None:
        if target.subresource:
            raise errors.not_found(resource, target.name)
        if options.by is not None:  # who may patch may not therefore make
            wanted = Attributes("create", resource.group, resource.plural, "", target.namespace, target.name)
            api.authorizer.require(options.by, wanted)
        made = applied(None)
        # Refused in a POST, but not here: kube-apiserver compares it only with an object that is there.
        made["metadata"].pop("resourceVersion", None)
        return lifecycle.create(api, target, made, options)
    return lifecycle.update(api, target, applied, options)
