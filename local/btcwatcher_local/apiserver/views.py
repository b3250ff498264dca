"""Objects as they go out: whole, as rows of a Table, or metadata only; in the version that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import events, objects
from .request import View
from .table.render import table

if TYPE_CHECKING:
    from .objects import JsonObject
    from .resources import Resource
    from .storage import Stored

WHOLE = View()


def in_version(resource: Resource, obj: JsonObject) -> JsonObject:
    """A stored object in the version and kind of `resource`."""
    if resource.group_version == resource.storage_group_version:
        return obj
    if resource.group == events.GROUP:
        return events.from_core(obj)
    return {**obj, "apiVersion": resource.group_version, "kind": resource.kind}


def to_storage(resource: Resource, obj: JsonObject) -> JsonObject:
    """A client's object in the form that is stored."""
    if resource.group_version == resource.storage_group_version:
        return obj
    if resource.group == events.GROUP:
        return events.to_core(obj)
    return {**obj, "apiVersion": resource.storage_group_version, "kind": resource.storage_kind or resource.kind}


def render_stored(resource: Resource, stored: Stored, view: View = WHOLE) -> bytes:
    if not view.form:
        if resource.group_version == resource.storage_group_version:
            return stored.raw
        return objects.encode(in_version(resource, stored.obj))
    return render(resource, stored.obj, view)


def render(resource: Resource, obj: JsonObject, view: View = WHOLE) -> bytes:
    """One object that need not be stored (a dry run's result)."""
    obj = in_version(resource, obj)
    if view.form == "PartialObjectMetadata":
        return objects.encode(_partial(obj, view))
    if view.form == "Table":
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return objects.encode(table(resource, [obj], meta, version=view.version, include=view.include))
    return objects.encode(obj)


def _partial(obj: JsonObject, view: View) -> JsonObject:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{view.version}",
        "metadata": obj["metadata"],
    }


def render_list(resource: Resource, items: list[Stored], meta: JsonObject, view: View) -> bytes:
    if view.form == "PartialObjectMetadata":
        listed = [_partial(s.obj, view) for s in items]
        return objects.encode(
            {
                "kind": "PartialObjectMetadataList",
                "apiVersion": f"meta.k8s.io/{view.version}",
                "metadata": meta,
                "items": listed,
            }
        )
    if view.form == "Table":
        shown = (in_version(resource, s.obj) for s in items)
        return objects.encode(table(resource, shown, meta, version=view.version, include=view.include))
    head = objects.encode({"kind": resource.list_kind, "apiVersion": resource.group_version, "metadata": meta})[:-1]
    return b"".join((head, b',"items":[', b",".join(render_stored(resource, s) for s in items), b"]}"))


def render_event(resource: Resource, stored: Stored, view: View, *, first: bool) -> bytes:
    """An object inside a watch event; `first` is true once per watch (a Table names its columns then)."""
    if not view.form:
        return render_stored(resource, stored)
    return render_event_object(resource, stored.obj, view, first=first)


def render_event_object(resource: Resource, obj: JsonObject, view: View, *, first: bool) -> bytes:
    if view.form == "Table":
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        shown = [in_version(resource, obj)]
        body = table(resource, shown, meta, version=view.version, include=view.include, header=first)
        return objects.encode(body)
    return render(resource, obj, view)


def render_bookmark(resource: Resource, meta: JsonObject, view: View) -> bytes:
    body: JsonObject = {"kind": resource.kind, "apiVersion": resource.group_version, "metadata": meta}
    if view.form == "PartialObjectMetadata":
        body = _partial(body, view)
    elif view.form == "Table":
        body = table(resource, [body], meta, version=view.version, include=view.include, header=False)
    return objects.encode(body)
