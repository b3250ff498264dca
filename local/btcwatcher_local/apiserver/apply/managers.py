"""metadata.managedFields: who owns what, after an update and after an apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import errors, objects
from . import fieldset, typed

if TYPE_CHECKING:
    from ..objects import JsonObject
    from ..schema.node import Node
    from .fieldset import FieldSet

_UPDATE_MANAGERS = 10
_ANCIENT = "ancient-changes"

_SYSTEM: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        f"f:{name}": {}
        for name in (
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
            "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
        )
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes: entries of managedFields are told apart by this."""

    manager: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str = ""

    def printed(self) -> str:
        if self.operation != "Update":
            return f'"{self.manager}"'
        with_sub = f' with subresource "{self.subresource}"' if self.subresource else ""
        return f'"{self.manager}"{with_sub} using {self.api_version}'


@dataclass(frozen=True, slots=True)
class _Owned:
    fields: FieldSet
    time: str


Managers = dict[Identity, _Owned]


def _decoded(entries: Any) -> Managers:
    """managedFields as sent or stored; 422 when an entry is malformed."""
    out: Managers = {}
    for entry in entries or []:
        if not isinstance(entry, dict) or not entry:
            continue
        if entry.get("operation") not in ("Apply", "Update"):
            raise errors.bad_request("metadata.managedFields: an entry's operation must be Apply or Update")
        identity = Identity(
            entry.get("manager", ""), entry["operation"], entry.get("apiVersion", ""), entry.get("subresource", "")
        )
        fields = entry.get("fieldsV1")
        out[identity] = _Owned(fields if isinstance(fields, dict) else {}, entry.get("time", ""))
    return out


def _encoded(managers: Managers) -> list[JsonObject]:
    order = sorted(
        managers.items(), key=lambda m: (m[0].operation, m[1].time, m[0].manager, m[0].api_version, m[0].subresource)
    )
    out = []
    for identity, owned in order:
        entry: JsonObject = {
            "manager": identity.manager,
            "operation": identity.operation,
            "apiVersion": identity.api_version,
            "time": owned.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": owned.fields,
        }
        if identity.subresource:
            entry["subresource"] = identity.subresource
        out.append(entry)
    return out


def _bare(obj: JsonObject) -> JsonObject:
    """An object without its managedFields, for comparing."""
    meta = {k: v for k, v in (obj.get("metadata") or {}).items() if k != "managedFields"}
    return {**obj, "metadata": meta}


def _store(obj: JsonObject, managers: Managers, before: Managers) -> None:
    """Writes entries into an object; those that did not change keep their time."""
    moment = objects.now()
    stamped: Managers = {}
    for identity, owned in managers.items():
        if not owned.fields:
            continue
        known = before.get(identity)
        unchanged = known is not None and known.fields == owned.fields
        stamped[identity] = replace(owned, time=known.time if unchanged and known else moment)
    meta = objects.metadata(obj)
    if stamped:
        meta["managedFields"] = _encoded(stamped)
    else:
        meta.pop("managedFields", None)


def _without(managers: Managers, gone: FieldSet) -> Managers:
    if not gone:
        return dict(managers)
    return {i: replace(o, fields=fieldset.difference(o.fields, gone)) for i, o in managers.items()}


def _ignored(subresource: str, obj: JsonObject, *, has_status: bool) -> FieldSet:
    """Fields that a write to this endpoint cannot change."""
    if subresource == "status":
        return {f"f:{key}": {} for key in obj if key != "status"}
    return {**_SYSTEM, "f:status": {}} if has_status else _SYSTEM


def track_update(
    new: JsonObject, live: JsonObject | None, who: Identity, node: Node, *, has_status: bool = False
) -> None:
    """Sets managedFields of an object that is written as a whole: what differs from before is the writer's."""
    sent = new.get("metadata", {}).get("managedFields")
    before = _decoded((live or {}).get("metadata", {}).get("managedFields"))
    if sent == [{}] or (sent == [] and live is not None):
        new["metadata"].pop("managedFields", None)
        return
    managers = _decoded(sent) or dict(before)
    if live is not None and not managers:
        new["metadata"].pop("managedFields", None)
        return
    comparison = typed.compare(_bare(live or {}), _bare(new), node)
    changed, removed = comparison.changed, comparison.removed
    mine = managers.pop(who, _Owned({}, ""))
    managers = _without(_without(managers, changed), removed)
    fields = fieldset.union(fieldset.difference(mine.fields, removed), changed)
    fields = fieldset.without_branches(fields, _ignored(who.subresource, new, has_status=has_status))
    managers[who] = replace(mine, fields=fields)
    _store(new, _capped(managers), before)


def _capped(managers: Managers) -> Managers:
    """At most ten Update entries: the oldest are merged into one, as the real server does."""
    updates = sorted((i for i in managers if i.operation == "Update"), key=lambda i: managers[i].time or "~")
    surplus = len(updates) - _UPDATE_MANAGERS
    if surplus <= 0:
        return managers
    out = dict(managers)
    for identity in updates[: surplus + 1]:
        ancient = Identity(_ANCIENT, "Update", identity.api_version)
        owned = out.pop(identity)
        known = out.get(ancient)
        out[ancient] = _Owned(fieldset.union(known.fields if known else {}, owned.fields), owned.time)
    return out


def apply(
    live: JsonObject | None,
    config: JsonObject,
    who: Identity,
    node: Node,
    *,
    force: bool,
    has_status: bool = False,
) -> JsonObject:
    """The object that applying `config` leads to, managedFields included.

    Raises 409 with every field that another manager holds at a different value, 500 when `config` does not fit.
    """
    base = _bare(live) if live else {k: config[k] for k in ("apiVersion", "kind") if k in config}
    before = _decoded((live or {}).get("metadata", {}).get("managedFields"))
    managers = dict(before)
    ignored = _ignored(who.subresource, config, has_status=has_status)
    try:
        if live is not None and not managers:
            first = Identity("before-first-apply", "Update", who.api_version)
            fields = fieldset.without_branches(typed.compare({"metadata": {}}, base, node).added, ignored)
            managers[first] = _Owned(fields, objects.now())
        wanted = fieldset.without_branches(typed.field_set(config, node), ignored)
        merged = typed.merge(base, config, node)
        last = managers.get(who, _Owned({}, "")).fields
        managers[who] = _Owned(wanted, "")
        owned: FieldSet = {}
        for entry in managers.values():
            owned = fieldset.union(owned, entry.fields)
        merged = typed.remove_unowned(merged, node, last, owned)
    except typed.TypeProblemError as problem:
        raise errors.StatusError(
            500, "", f"failed to create typed patch object ({_described(config)}): {problem}"
        ) from None
    comparison = typed.compare(base, merged, node)
    managers = _resolve(managers, comparison, who, ignored, force=force)
    result: JsonObject = objects.copy_of(live if comparison.same and live is not None else merged)
    _store(result, managers, before)
    return result


def _resolve(
    managers: Managers, comparison: typed.Comparison, who: Identity, ignored: FieldSet, *, force: bool
) -> Managers:
    """Takes changed and removed fields from their other managers; 409 for changed ones when not forced."""
    changed = fieldset.without_branches(comparison.changed, ignored)
    conflicts = {
        identity: both
        for identity, owned in managers.items()
        if identity != who and (both := fieldset.intersection(owned.fields, changed))
    }
    if conflicts and not force:
        raise _conflict(conflicts)
    out: Managers = {}
    for identity, owned in managers.items():
        fields = owned.fields
        if identity != who:
            fields = fieldset.difference(fieldset.difference(fields, changed), comparison.removed)
        out[identity] = replace(owned, fields=fields)
    return out


def _conflict(conflicts: dict[Identity, FieldSet]) -> errors.StatusError:
    causes: list[errors.Cause] = []
    parts: list[str] = []
    for identity, fields in sorted(conflicts.items(), key=lambda c: c[0].manager):
        listed = sorted(fieldset.paths(fields))
        word = "conflict" if len(listed) == 1 else "conflicts"
        with_whom = identity.printed()
        if len(listed) == 1:
            parts.append(f"{word} with {with_whom}: {listed[0]}")
        else:
            parts.append(f"{word} with {with_whom}:" + "".join(f"\n- {path}" for path in listed))
        causes += [errors.Cause("FieldManagerConflict", f"conflict with {with_whom}", path) for path in listed]
    word = "conflict" if len(causes) == 1 else "conflicts"
    return errors.apply_conflict(f"Apply failed with {len(causes)} {word}: " + "\n".join(parts), causes)


def _described(config: JsonObject) -> str:
    meta = config.get("metadata") or {}
    version = config.get("apiVersion", "")
    shown = version if "/" in version else f"/{version}"
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}; {shown}, Kind={config.get('kind', '')}"
