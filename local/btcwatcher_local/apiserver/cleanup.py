"""What the server itself finishes in the background: emptying namespaces, and kinds whose CRD is deleted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from . import errors, lifecycle
from .crd.serving import FINALIZER
from .lifecycle import Target
from .request import WriteOptions

if TYPE_CHECKING:
    from .context import Api
    from .objects import JsonObject
    from .resources import Resource

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.1
_OPTIONS = WriteOptions(field_manager="kube-controller-manager")


async def run(api: Api) -> None:
    """Until cancelled. Sleeps while nothing is terminating."""
    while True:
        await api.terminating.wait()
        api.terminating.clear()
        try:
            while _pass(api):  # noqa: ASYNC110 - objects go when others let go of them; nothing tells
                await asyncio.sleep(_AGAIN_SECONDS)
        except Exception:
            log.exception("cleaning up failed; it is tried again")
            await asyncio.sleep(1.0)
            api.terminating.set()


def _pass(api: Api) -> bool:
    """One round; true while something is left to wait for."""
    waiting = False
    for group, plural, finish in (
        ("", "namespaces", _namespace),
        ("apiextensions.k8s.io", "customresourcedefinitions", _definition),
    ):
        resource = api.registry.find(group, "v1", plural)
        if resource is None:
            continue
        for stored in list(api.collection(resource).select(None)):
            if stored.obj["metadata"].get("deletionTimestamp"):
                waiting |= not finish(api, resource, stored.obj)
    return waiting


def _empty(api: Api, resource: Resource, namespace: str | None) -> bool:
    """Deletes all objects of a kind; true when none is left."""
    collection = api.collection(resource)
    for stored in list(collection.select(namespace)):
        meta = stored.obj["metadata"]
        if meta.get("deletionTimestamp"):
            continue
        with contextlib.suppress(errors.StatusError):
            target = Target(resource, meta.get("namespace", ""), meta["name"])
            lifecycle.delete(api, target, {"propagationPolicy": "Background"})
    return next(iter(collection.select(namespace)), None) is None


def _namespace(api: Api, resource: Resource, obj: JsonObject) -> bool:
    name = obj["metadata"]["name"]
    kinds = [r for r in api.registry.all() if r.namespaced and "list" in r.verbs]
    if not all([_empty(api, kind, name) for kind in kinds]):  # noqa: C419 - every kind, also after the first that is not empty
        return False

    def without_finalizer(current: JsonObject) -> JsonObject:
        current["spec"] = {}
        return current

    with contextlib.suppress(errors.StatusError):
        lifecycle.update(api, Target(resource, "", name, "finalize"), without_finalizer, _OPTIONS)
    return True


def _definition(api: Api, resource: Resource, obj: JsonObject) -> bool:
    meta, spec = obj["metadata"], obj["spec"]
    if FINALIZER not in (meta.get("finalizers") or []):
        return True
    served = api.registry.custom(spec["group"], spec["names"]["plural"])
    if served and not _empty(api, served[0], None):
        return False

    def without_finalizer(current: JsonObject) -> JsonObject:
        left = [f for f in current["metadata"].get("finalizers") or [] if f != FINALIZER]
        current["metadata"]["finalizers"] = left
        return current

    with contextlib.suppress(errors.StatusError):
        lifecycle.update(api, Target(resource, "", meta["name"]), without_finalizer, _OPTIONS)
    return True
