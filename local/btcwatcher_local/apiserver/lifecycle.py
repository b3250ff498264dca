"""Create, update and delete, each as one synchronous step: nothing comes between reading and writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from . import errors, metadata, objects
from .access import escalation, rbac
from .kinds import behaviour_of
from .objects import JsonObject, keep
from .schema.decode import MismatchError

if TYPE_CHECKING:
    from .context import Api
    from .request import WriteOptions
    from .resources import Resource
    from .storage import Key, Stored


@dataclass(frozen=True, slots=True)
class Target:
    """One object addressed by a request."""

    resource: Resource
    namespace: str
    name: str
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a write: the object as it is now (or would be, in a dry run)."""

    obj: JsonObject
    created: bool = False
    deleted: bool = False


def read(api: Api, target: Target) -> Stored:
    stored = api.collection(target.resource).get(target.namespace, target.name)
    if stored is None:
        raise errors.not_found(target.resource, target.name)
    return stored


Track = Callable[[JsonObject, JsonObject | None], None]


def read_body(target: Target, obj: JsonObject, options: WriteOptions) -> JsonObject:
    """An object as its type reads it; 400 for wrong types, and for unknown fields when validation is strict."""
    resource = target.resource
    unknown: list[str] = []
    where = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    try:
        obj = behaviour_of(resource).decode(obj, unknown)
    except MismatchError as error:
        raise errors.bad_request(f"{where}: {error}") from None
    if unknown and options.field_validation == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise errors.bad_request(f"{where}: strict decoding error: {listed}")
    if options.field_validation == "Warn":
        options.warnings.extend(f'unknown field "{path}"' for path in unknown)
    return obj


def create(api: Api, target: Target, obj: JsonObject, options: WriteOptions, track: Track | None = None) -> Result:
    """Stores a new object; `target.name` may be empty when the object names itself."""
    resource = target.resource
    metadata.begin(resource, target.namespace, target.name, obj)
    obj = read_body(target, obj, options)
    meta = obj["metadata"]
    if meta.get("resourceVersion"):
        raise errors.StatusError(500, "", "resourceVersion should not be set on objects to be created")
    require_namespace(api, target)
    behaviour = behaviour_of(resource)
    metadata.generate_name(resource, obj)
    behaviour.default(obj)
    if resource.has_status and not behaviour.keeps_status:
        obj.pop("status", None)
    if track is not None:
        track(obj, None)
    metadata.stamp_new(resource, obj)
    name: str = meta.get("name") or ""
    collection = api.collection(resource)
    if name and collection.get(target.namespace, name) is not None:
        raise errors.already_exists(resource, name)
    causes = metadata.validate(resource, obj)
    if not causes:
        behaviour.prepare_create(api, resource, obj)
    causes += behaviour.validate(obj, None)
    if causes:
        if not options.dry_run:
            behaviour.removed_before_use(api, resource, obj)
        raise errors.invalid(resource.group, resource.kind, name, causes)
    if resource.group == rbac.GROUP:
        escalation.require(api, target, obj, None, options.by)
    if options.dry_run:
        behaviour.removed_before_use(api, resource, obj)
        return Result(obj, created=True)
    return Result(_put(api, resource, (target.namespace, name), obj), created=True)


def _put(api: Api, resource: Resource, key: Key, obj: JsonObject) -> JsonObject:
    stored = api.collection(resource).put(key, obj)
    behaviour_of(resource).stored(api, resource, stored.obj)
    return stored.obj


def _remove(api: Api, resource: Resource, key: Key, last: JsonObject | None = None) -> JsonObject:
    final = api.collection(resource).remove(key, last)
    if final is None:
        raise errors.not_found(resource, key[1])
    behaviour_of(resource).removed(api, resource, final.obj)
    return final.obj


def require_namespace(api: Api, target: Target) -> None:
    """404 when the namespace is not there, 403 when it is going away."""
    if not target.resource.namespaced:
        return
    namespaces = api.registry.find("", "v1", "namespaces")
    if namespaces is None:
        return
    stored = api.collection(namespaces).get("", target.namespace)
    if stored is None:
        raise errors.not_found(namespaces, target.namespace)
    if stored.obj["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {target.namespace} because it is being terminated"
        cause = errors.Cause(
            "NamespaceTerminating", f"namespace {target.namespace} is being terminated", "metadata.namespace"
        )
        raise errors.forbidden(target.resource, target.name, why, [cause])


def update(
    api: Api,
    target: Target,
    change: Callable[[JsonObject], JsonObject],
    options: WriteOptions,
    track: Track | None = None,
) -> Result:
    """Replaces an object by what `change` makes of a copy of it; `track` then notes who owns what."""
    resource = target.resource
    stored = read(api, target)
    old = stored.obj
    obj = change(stored.fresh())
    metadata.begin(resource, target.namespace, target.name, obj)
    obj = read_body(target, obj, options)
    metadata.check_preconditions(resource, obj, old)
    metadata.carry_over(obj, old)
    behaviour = behaviour_of(resource)
    status_only = target.subresource == "status"
    if status_only:
        behaviour.prepare_status_update(obj, old)
        metadata.keep_all_but_managers(obj, old)
    elif resource.has_status:
        keep(obj, old, "status")
    behaviour.default(obj)
    if track is not None:
        track(obj, old)
    if not target.subresource:
        behaviour.prepare_update(api, resource, obj, old)
    if resource.has_generation and not status_only and behaviour.changes_generation(obj, old):
        obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    else:
        keep(obj["metadata"], old["metadata"], "generation")
    causes = metadata.validate_update(obj, old) + behaviour.validate(obj, old, status_only=status_only)
    if causes:
        raise errors.invalid(resource.group, resource.kind, target.name, causes)
    if resource.group == rbac.GROUP:
        escalation.require(api, target, obj, old, options.by)
    obj["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    if finished(obj):
        if not options.dry_run:
            obj = _remove(api, resource, target.key, obj)
        return Result(obj, deleted=True)
    if obj == old or options.dry_run:
        return Result(obj)
    return Result(_put(api, resource, target.key, obj))


def finished(obj: JsonObject) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if obj.get("kind") == "Namespace" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds")


def delete(api: Api, target: Target, options: JsonObject, *, dry_run: bool = False) -> Result:
    """Deletes at once, or marks for deletion when finalizers or a grace period stand before it.

    `options` is a DeleteOptions body.
    """
    resource = target.resource
    stored = read(api, target)
    meta = stored.obj["metadata"]
    _check_delete_preconditions(target, options, stored.obj)
    obj = stored.fresh()
    new_meta = obj["metadata"]
    finalizers = _finalizers_for(resource, options, meta.get("finalizers") or [])
    if finalizers:
        new_meta["finalizers"] = finalizers
    else:
        new_meta.pop("finalizers", None)
    grace = _grace_seconds(resource, stored.obj, options)
    waiting = bool(finalizers) or grace > 0 or (resource.storage == ("", "namespaces"))
    if dry_run:
        return Result(obj, deleted=not waiting)
    if not waiting:
        return Result(_remove(api, resource, target.key), deleted=True)
    already = meta.get("deletionTimestamp")
    if not already:
        new_meta["deletionTimestamp"] = _in_seconds(grace)
        new_meta["deletionGracePeriodSeconds"] = grace
        if new_meta.get("generation"):
            new_meta["generation"] += 1
    elif grace < (meta.get("deletionGracePeriodSeconds") or 0):
        new_meta["deletionTimestamp"] = _in_seconds(grace)
        new_meta["deletionGracePeriodSeconds"] = grace
    if resource.storage == ("", "namespaces"):
        obj.setdefault("status", {})["phase"] = "Terminating"
    if finished(obj):
        return Result(_remove(api, resource, target.key, obj), deleted=True)
    if obj == stored.obj:
        return Result(stored.obj)
    return Result(_put(api, resource, target.key, obj))


def _in_seconds(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_delete_preconditions(target: Target, options: JsonObject, obj: JsonObject) -> None:
    wanted = options.get("preconditions") or {}
    meta = obj["metadata"]
    resource = target.resource
    if wanted.get("uid") and wanted["uid"] != meta["uid"]:
        why = (
            f"the UID in the precondition ({wanted['uid']}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict(replace(resource, plural=resource.kind), target.name, why)
    if wanted.get("resourceVersion") and wanted["resourceVersion"] != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({wanted['resourceVersion']}) does not match the "
            f"ResourceVersion in record ({meta['resourceVersion']}). The object might have been modified"
        )
        raise errors.conflict(replace(resource, plural=resource.kind), target.name, why)


def _finalizers_for(resource: Resource, options: JsonObject, present: list[str]) -> list[str]:
    """The object's finalizers under a propagation policy, as the garbage collector expects them."""
    policy = options.get("propagationPolicy")
    if policy is None and options.get("orphanDependents") is not None:
        policy = "Orphan" if options["orphanDependents"] else "Background"
    if policy is None and not {"orphan", "foregroundDeletion"} & set(present):
        policy = "Orphan" if (resource.group, resource.kind) == ("batch", "Job") else None
    if policy is None:
        return list(present)
    if policy not in ("Orphan", "Foreground", "Background"):
        raise errors.invalid("", "DeleteOptions", "", [
            errors.not_supported("propagationPolicy", policy, ["Foreground", "Background", "Orphan"])
        ])  # fmt: skip
    others = [f for f in present if f not in ("orphan", "foregroundDeletion")]
    added = {"Orphan": ["orphan"], "Foreground": ["foregroundDeletion"]}.get(policy, [])
    return others + added


def _grace_seconds(resource: Resource, obj: JsonObject, options: JsonObject) -> int:
    """Only pods are deleted gracefully, and only those that a node may be running."""
    if resource.storage != ("", "pods"):
        return 0
    spec = obj.get("spec") or {}
    if not spec.get("nodeName") or objects.get_path(obj, "status", "phase") in ("Failed", "Succeeded"):
        return 0
    asked = options.get("gracePeriodSeconds")
    if asked is None:
        current = obj["metadata"].get("deletionGracePeriodSeconds")
        asked = spec.get("terminationGracePeriodSeconds", 30) if current is None else current
    return max(0, int(asked))
