"""The aiohttp application: who may come in, and which room a request goes to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from . import cleanup, discovery, errors, objects
from .access import attributes, authenticate, impersonation
from .bodies import BODY_LIMIT
from .bootstrap import populate
from .context import Api
from .handlers import Handlers
from .openapi import OpenApi
from .schema.builtin import KUBERNETES_VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler

log = logging.getLogger(__name__)

API = web.AppKey("api", Api)
_HEALTH = ("/healthz", "/livez", "/readyz")


def version_info() -> dict[str, str]:
    major, minor, _ = KUBERNETES_VERSION.split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{KUBERNETES_VERSION}+btcwatcher",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "python",
        "platform": "any/any",
    }


def json_response(value: object, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(body=objects.encode(value), status=status, headers={"Content-Type": content_type})


@web.middleware
async def _errors_as_status(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except errors.StatusError as error:
        response = json_response(error.body(), error.code)
        retry = error.details.get("retryAfterSeconds")
        if retry:
            response.headers["Retry-After"] = str(retry)
        return response
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:
        log.exception("request failed: %s %s", request.method, request.path)
        return json_response(errors.internal(f"{type(error).__name__}: {error}").body(), 500)


_OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


class Front:
    """Everything that is no resource, and the door to what is."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._handlers = Handlers(api)
        self._openapi = OpenApi(api.registry)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/") or "/"
        if path in _HEALTH or path.startswith(tuple(f"{h}/" for h in _HEALTH)):
            return web.Response(text="ok")
        if path == "/version":
            return json_response(version_info())
        user = authenticate.user_of(self._api, request.headers.get("Authorization", ""))
        user = impersonation.effective(
            self._api.authorizer, user, request.headers, request.headers.getall("Impersonate-Group", [])
        )
        if not user.may_everything:
            self._api.authorizer.require(user, attributes.of_request(request.method, path, request.query))
        found = self._document(path, request)
        return found if found is not None else await self._handlers.handle(request, user)

    def _document(self, path: str, request: web.Request) -> web.Response | None:
        registry = self._api.registry
        accept = request.headers.get("Accept", "")
        parts = path.strip("/").split("/")
        match parts:
            case [""]:
                return json_response({"paths": self._paths()})
            case ["api"]:
                return self._maybe_aggregated(accept, discovery.api_versions(self._api.address), core=True)
            case ["apis"]:
                return self._maybe_aggregated(accept, discovery.group_list(registry), core=False)
            case ["openapi", *rest]:
                return self._openapi_document(rest, accept)
            case ["api", "v1"]:
                return json_response(discovery.resource_list(registry, "", "v1"))
            case ["apis", group]:
                versions = registry.groups().get(group)
                return json_response(discovery.api_group(group, versions)) if versions else None
            case ["apis", group, version] if version in registry.groups().get(group, []):
                return json_response(discovery.resource_list(registry, group, version))
        return None

    def _openapi_document(self, parts: list[str], accept: str) -> web.Response | None:
        if parts == ["v2"] and accept.strip() == _OPENAPI_V2_PROTOBUF:
            # kubectl asks so where version 3 tells it nothing (`kind: List`): the empty message, which says that no
            # schema is known, makes it leave validation to the server.
            return web.Response(body=b"", headers={"Content-Type": _OPENAPI_V2_PROTOBUF.replace("@", ".")})
        match parts:
            case ["v2"]:
                body: bytes | None = self._openapi.swagger()
            case ["v3"]:
                return json_response(self._openapi.index())
            case ["v3", "api", "v1"]:
                body = self._openapi.document("", "v1")
            case ["v3", "apis", group, version]:
                body = self._openapi.document(group, version)
            case _:
                body = None
        if body is None:
            return None
        return web.Response(body=body, headers={"Content-Type": "application/json"})

    def _maybe_aggregated(self, accept: str, legacy: object, *, core: bool) -> web.Response:
        wanted = accept.replace(" ", "")
        for media, version in ((discovery.AGGREGATED, "v2"), (discovery.AGGREGATED_BETA, "v2beta1")):
            if all(part in wanted for part in ("as=APIGroupDiscoveryList", f"v={version};")) or media in wanted:
                document = discovery.aggregated(self._api.registry, core=core, version=version)
                return json_response(document, content_type=media)
        return json_response(legacy)

    def _paths(self) -> list[str]:
        groups = self._api.registry.groups()
        listed = [f"/apis/{g}/{v}" for g, versions in groups.items() for v in versions]
        return ["/api", "/api/v1", "/apis", *listed, "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]


async def _cleaner(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(cleanup.run(app[API]))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def create_app(token: str, *, api: Api | None = None) -> web.Application:
    """The API server as an application; `token` is the bearer token that may do everything."""
    if not token:
        raise ValueError("the API server needs a bearer token")
    api = api or Api(token)
    populate(api)
    app = web.Application(middlewares=[_errors_as_status], client_max_size=BODY_LIMIT)
    app[API] = api
    app.router.add_route("*", "/{path:.*}", Front(api).handle)
    app.cleanup_ctx.append(_cleaner)
    return app
