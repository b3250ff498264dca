"""Owner references as controllers use them: whom a change concerns, adopting orphans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client import resources
from btcwatcher_local.client.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from btcwatcher_local.client.http import Client
    from btcwatcher_local.client.informer import Index, Informer
    from btcwatcher_local.client.resources import Key, Obj, Resource


ORPHANS = "orphans"


def by_controller(obj: Obj) -> tuple[object]:
    """Index key: the controlling owner's uid, or (ORPHANS, namespace) without one."""
    ref = resources.controller_of(obj)
    return (ref["uid"],) if ref is not None else ((ORPHANS, resources.namespace(obj)),)


def enqueue_owner(
    kind: str, add: Callable[[Key], None], orphan: Callable[[Obj], None] | None = None
) -> Callable[[Obj | None, Obj | None], None]:
    """A listener that puts the controlling owner's key into a queue, before and after the change."""

    def listener(old: Obj | None, new: Obj | None) -> None:
        for obj in (old, new):
            if obj is None:
                continue
            ref = resources.controller_of(obj)
            if ref is not None and ref.get("kind") == kind:
                add((resources.namespace(obj), ref["name"]))
            elif ref is None and orphan is not None and obj is new:
                orphan(obj)

    return listener


def enqueue_selecting(owners: Informer, add: Callable[[Key], None]) -> Callable[[Obj], None]:
    """For an orphan: puts the keys of the owners whose selector matches it into a queue."""

    def listener(orphan: Obj) -> None:
        for owner in owners.items(resources.namespace(orphan)):
            if resources.selector_matches(owner["spec"].get("selector"), resources.labels(orphan)):
                add(resources.key(owner))

    return listener


def candidates(index: Index, owner: Obj) -> list[Obj]:
    """What `owner` controls and what it might adopt, from an index by `by_controller`."""
    return [*index.get(resources.uid(owner)), *index.get((ORPHANS, resources.namespace(owner)))]


async def show_status(client: Client, cache: Informer, resource: Resource, owner: Obj, status: Obj) -> None:
    """Write a status where it differs from what is shown; None stands for a field that is left out."""
    held = owner.get("status") or {}
    if all((held.get(field) or None) == (value or None) for field, value in status.items()):
        return
    patch = {"metadata": {"uid": resources.uid(owner)}, "status": status}
    cache.note(await client.patch(resource, *resources.key(owner), patch, subresource="status"))


async def adopt(
    client: Client, owner_resource: Resource, owner: Obj, resource: Resource, candidates: Iterable[Obj]
) -> list[Obj]:
    """The candidates that `owner` controls, after adopting orphans that its selector matches."""

    selector, owner_uid = owner["spec"].get("selector"), resources.uid(owner)
    own: list[Obj] = []
    for obj in candidates:
        ref = resources.controller_of(obj)
        matches = resources.selector_matches(selector, resources.labels(obj))
        if ref is not None:
            if ref.get("uid") == owner_uid:
                own.append(obj)
            continue
        if not matches or resources.deleting(obj) or resources.deleting(owner):
            continue
        live = await client.get_or_none(owner_resource, *resources.key(owner))
        if live is None or resources.uid(live) != owner_uid or resources.deleting(live):
            continue
        refs = [
            *(resources.meta(obj).get("ownerReferences") or []),
            resources.owner_reference(owner, owner_resource),
        ]
        patch = {"metadata": {"uid": resources.uid(obj), "ownerReferences": refs}}
        try:
            own.append(await client.patch(resource, *resources.key(obj), patch))
        except ApiError as error:
            if not (error.not_found or error.conflict):
                raise
    return own
