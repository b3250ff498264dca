"""Subresources that are not a part of the object: scale, logs, binding, eviction, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import bodies, errors, lifecycle, objects, patching, podlogs
from .access import token_request
from .kinds.pod import bind
from .lifecycle import Target
from .patch import json_patch, merge_patch
from .request import WriteOptions, write_options
from .table import jsonpath

if TYPE_CHECKING:
    from .context import Api
    from .objects import JsonObject

_SUCCESS: JsonObject = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=objects.encode(value), status=status, headers={"Content-Type": "application/json"})


async def handle(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    """One request to one of them; 501 for those that need a node's own protocol."""
    match (target.subresource, request.method):
        case ("scale", _):
            return await _scale(api, request, target)
        case ("log", "GET"):
            return await podlogs.stream(api, request, target)
        case ("binding", "POST"):
            return _json(_bind(api, target, await bodies.json_body(request)), 201)
        case ("eviction", "POST"):
            body = await bodies.json_body(request, empty={})
            lifecycle.delete(api, _main(target), body.get("deleteOptions") or {})
            return _json(_SUCCESS, 201)
        case ("token", "POST"):
            body = await bodies.json_body(request, empty={})
            return _json(token_request.issue(api, target, body), 201)
        case (("exec" | "attach" | "portforward" | "ephemeralcontainers"), _):
            raise errors.not_implemented(
                f"{target.resource.plural}/{target.subresource} is not served by the embedded cluster"
            )
    raise errors.method_not_allowed(target.resource)


def _main(target: Target) -> Target:
    return Target(target.resource, target.namespace, target.name)


def _bind(api: Api, target: Target, body: Any) -> JsonObject:
    """Puts a pod on a node; 409 when it is on one already."""
    node = (body.get("target") or {}).get("name") if isinstance(body, dict) else None
    if not node:
        raise errors.invalid("", "Binding", target.name, [errors.required("target.name")])

    stored = lifecycle.read(api, _main(target))
    assigned = objects.get_path(stored.obj, "spec", "nodeName")
    if assigned:
        raise errors.conflict(
            target.resource, target.name, f'pod {target.name} is already assigned to node "{assigned}"'
        )
    obj = stored.fresh()
    bind(obj, str(node))
    api.collection(target.resource).put(target.key, obj)
    return _SUCCESS


def _paths(target: Target) -> tuple[str, str, str]:
    """Where replicas wanted, replicas seen and the selector lie in the object."""
    crd = target.resource.crd
    if crd is None:
        return (".spec.replicas", ".status.replicas", ".spec.selector")
    scale = crd.scale or {}
    return (scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", ""))


def _value(obj: JsonObject, path: str) -> Any:
    found = jsonpath.find(obj, path) if path else []
    return found[0] if found else None


def _scale_of(target: Target, obj: JsonObject) -> JsonObject:
    wanted, seen, selector = (_value(obj, path) for path in _paths(target))
    if isinstance(selector, dict):
        selector = ",".join(f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items()))
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: JsonObject = {"replicas": seen or 0}
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {k: meta[k] for k in kept if k in meta},
        "spec": {"replicas": wanted or 0},
        "status": status,
    }


async def _scale(api: Api, request: web.Request, target: Target) -> web.Response:
    stored = lifecycle.read(api, _main(target))
    if request.method == "GET":
        return _json(_scale_of(target, stored.obj))
    options = write_options(request.query, request.headers.get("User-Agent", ""))
    body = await bodies.json_body(request)
    # Read again: the body may have taken its time.
    current = _scale_of(target, lifecycle.read(api, _main(target)).obj)
    match (request.method, request.content_type):
        case ("PUT", _):
            scale = body
        case ("PATCH", patching.JSON_PATCH):
            scale = json_patch.apply(current, body)
        case ("PATCH", _):
            scale = merge_patch.apply(current, body)
        case _:
            raise errors.method_not_allowed(target.resource)
    return _json(_scale_of(target, _set_replicas(api, target, scale, options)))


def _set_replicas(api: Api, target: Target, scale: Any, options: WriteOptions) -> JsonObject:
    replicas = objects.get_path(scale, "spec", "replicas")
    if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 0:
        cause = errors.invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("autoscaling", "Scale", target.name, [cause])
    wanted = _paths(target)[0].strip(".").split(".")
    version = objects.get_path(scale, "metadata", "resourceVersion")

    def change(obj: JsonObject) -> JsonObject:
        place: JsonObject = obj
        for part in wanted[:-1]:
            place = place.setdefault(part, {})
        place[wanted[-1]] = replicas
        if version:
            obj["metadata"]["resourceVersion"] = version
        return obj

    return lifecycle.update(api, _main(target), change, options, patching.tracker(target, options)).obj
