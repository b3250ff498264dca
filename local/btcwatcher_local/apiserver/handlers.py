"""From HTTP to the lifecycle and back: one handler for every resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import bodies, errors, lifecycle, objects, patching, reading, reviews, subresources, views
from .access import pod_admission
from .lifecycle import Target
from .request import negotiate, parse_path, read_options, write_options
from .watching import Watch

if TYPE_CHECKING:
    from .access.user import User
    from .context import Api
    from .lifecycle import Result
    from .objects import JsonObject
    from .request import View, WriteOptions
    from .resources import Resource


class Handlers:
    """All requests below /api/v1/... and /apis/{group}/{version}/..."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._pages = reading.Pages()

    async def handle(self, request: web.Request, user: User) -> web.StreamResponse:
        """One request of somebody who may make it."""
        path = parse_path(request.path)
        if path is None:
            raise errors.no_such_resource()
        resource = self._api.registry.find(path.group, path.version, path.plural)
        if resource is None or (path.namespace and not resource.namespaced):
            raise errors.no_such_resource()
        if path.subresource and path.subresource not in resource.subresources:
            raise errors.no_such_resource()
        target = Target(resource, path.namespace, path.name, path.subresource)
        if path.subresource not in ("", "status", "finalize"):
            return await subresources.handle(self._api, request, target)
        if path.name:
            return await self._one(request, target, user)
        return await self._many(request, target, user)

    async def _many(self, request: web.Request, target: Target, user: User) -> web.StreamResponse:
        resource = target.resource
        namespace = target.namespace or None
        if request.method in ("GET", "HEAD"):
            _allow(resource, "list")
            options = read_options(request.query)
            view = _view(request)
            if options.watch:
                return await Watch(self._api, resource, namespace, "", options, view).run(request)
            return _json(reading.list_objects(self._api, resource, namespace, options, view, self._pages))
        if request.method == "POST":
            _allow(resource, "create")
            return await self._create(request, target, user)
        if request.method == "DELETE":
            _allow(resource, "deletecollection")
            return await self._delete_many(request, target)
        raise errors.method_not_allowed(resource)

    async def _one(self, request: web.Request, target: Target, user: User) -> web.StreamResponse:
        resource = target.resource
        if resource.namespaced and not target.namespace:
            raise errors.no_such_resource()
        view = _view(request)
        match request.method:
            case "GET" | "HEAD":
                _allow(resource, "get")
                options = read_options(request.query)
                if options.watch:
                    return await Watch(self._api, resource, target.namespace or None, target.name, options, view).run(
                        request
                    )
                return _json(views.render_stored(resource, lifecycle.read(self._api, target), view))
            case "PUT":
                _allow(resource, "update")
                body = await bodies.json_body(request)
                options_ = _write_options(request, user)
                result = patching.replace(self._api, target, body, options_)
                return _answer(resource, result, view, options_)
            case "PATCH":
                _allow(resource, "patch")
                raw = await bodies.read(request)
                options_ = _write_options(request, user)
                await self._wait_for_account(target)
                result = patching.patch(self._api, target, request.content_type, raw, options_)
                return _answer(resource, result, view, options_)
            case "DELETE" if not target.subresource:
                _allow(resource, "delete")
                how = await _delete_options(request)
                result = lifecycle.delete(self._api, target, how, dry_run=bool(how.get("dryRun")))
                return _deleted(target, result, view)
        raise errors.method_not_allowed(resource)

    async def _wait_for_account(self, target: Target) -> None:
        if self._api.account_admission and target.resource.storage == ("", "pods") and not target.subresource:
            await pod_admission.default_account(self._api, target.namespace)

    async def _create(self, request: web.Request, target: Target, user: User) -> web.StreamResponse:
        resource = target.resource
        body = await bodies.json_body(request)
        options = _write_options(request, user)
        view = _view(request)
        if "list" not in resource.verbs:
            return _json(objects.encode(reviews.answer(self._api, target, body, user)), 201)
        if resource.namespaced and not target.namespace:
            namespace = (body.get("metadata") or {}).get("namespace") if isinstance(body, dict) else None
            if not namespace:
                raise errors.method_not_allowed(resource)
            target = Target(resource, namespace, "")
        await self._wait_for_account(target)
        result = patching.create(self._api, target, body, options)
        return _answer(resource, result, view, options)

    async def _delete_many(self, request: web.Request, target: Target) -> web.StreamResponse:
        resource = target.resource
        options = await _delete_options(request)
        test = reading.predicate(resource, read_options(request.query))
        found = list(self._api.collection(resource).select(target.namespace or None))
        gone = []
        for stored in found:
            if test is None or test(stored.obj):
                meta = stored.obj["metadata"]
                one = Target(resource, meta.get("namespace", ""), meta["name"])
                lifecycle.delete(self._api, one, options, dry_run=bool(options.get("dryRun")))
                gone.append(stored)
        meta = {"resourceVersion": str(self._api.store.rv)}
        return _json(views.render_list(resource, gone, meta, views.WHOLE))


def _view(request: web.Request) -> View:
    return negotiate(request.headers.get("Accept", ""), request.query.get("includeObject", ""))


def _allow(resource: Resource, verb: str) -> None:
    if verb not in resource.verbs:
        raise errors.method_not_allowed(resource)


def _write_options(request: web.Request, user: User) -> WriteOptions:
    return write_options(request.query, request.headers.get("User-Agent", ""), user)


async def _delete_options(request: web.Request) -> JsonObject:
    """DeleteOptions of the body, completed by those of the query."""
    raw = await bodies.read(request)
    options: Any = bodies.parse(request.headers.get("Content-Type", ""), raw) if raw.strip() else {}
    if not isinstance(options, dict):
        raise errors.bad_request("the body of the request is not a DeleteOptions object")
    query = request.query
    if "gracePeriodSeconds" in query:
        options.setdefault("gracePeriodSeconds", int(query["gracePeriodSeconds"]))
    if "propagationPolicy" in query:
        options.setdefault("propagationPolicy", query["propagationPolicy"])
    if "orphanDependents" in query:
        options.setdefault("orphanDependents", query["orphanDependents"].lower() == "true")
    if "dryRun" in query:
        options.setdefault("dryRun", [query["dryRun"]])
    return options


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    sent = {"Content-Type": "application/json", "Cache-Control": "no-cache, private", **(headers or {})}
    return web.Response(body=body, status=status, headers=sent)


def _answer(resource: Resource, result: Result, view: View, options: WriteOptions) -> web.Response:
    response = _json(views.render(resource, result.obj, view), 201 if result.created else 200)
    for warning in options.warnings:
        escaped = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{escaped}"')
    return response


def _deleted(target: Target, result: Result, view: View) -> web.Response:
    resource = target.resource
    if not result.deleted or resource.storage in _RETURNED_WHEN_DELETED:
        return _json(views.render(resource, result.obj, view))
    details: JsonObject = {"name": target.name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    details["uid"] = result.obj["metadata"]["uid"]
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return _json(objects.encode(status))


# The real server answers the deletion of these with the object, of all others with a Status.
_RETURNED_WHEN_DELETED = {
    ("", "pods"), ("", "services"), ("", "serviceaccounts"), ("", "persistentvolumes"),
    ("", "persistentvolumeclaims"), ("", "resourcequotas"),
}  # fmt: skip
