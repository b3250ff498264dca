"""Runs the ingress: watches Ingress, HTTPRoute, Service and Pod objects and answers on one port."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING

import aiohttp
import structlog
from aiohttp import web

from btcwatcher_local.client import resources
from btcwatcher_local.client.config import load_kubeconfig
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.http import Client
from btcwatcher_local.client.informer import Informer
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.ingress import http_routes, routes
from btcwatcher_local.ingress.proxy import forward

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from btcwatcher_local.client.resources import Key, Obj

log = structlog.get_logger(__name__)

_CONNECT_SECONDS = 5
_LOOK_FOR_CRD_SECONDS = 5


async def run(
    kubeconfig: Path,
    port: int,
    *,
    host: str = "127.0.0.1",
    classes: Collection[str] = (),
    ready: asyncio.Event | None = None,
) -> None:
    """Serve on `host:port` until cancelled; `ready` is set once the routes are known.

    `classes` are the ingress classes served beside Ingresses without one; none given: all are served.
    Raises OSError when the port is taken.
    """
    async with Client(load_kubeconfig(kubeconfig), "btcwatcher-ingress") as client:
        await IngressServer(client, classes).run(host, port, ready)


class IngressServer:
    """The reverse proxy and its routing table."""

    def __init__(self, client: Client, classes: Collection[str] = ()) -> None:
        self._client = client
        self._classes = classes
        self._ingresses = Informer(client, resources.INGRESSES)
        self._http_routes = Informer(client, resources.HTTP_ROUTES)
        self._services = Informer(client, resources.SERVICES)
        self._pods = Informer(client, resources.PODS)
        self._labelled = self._pods.index(
            lambda pod: [(resources.namespace(pod), *pair) for pair in resources.labels(pod).items()]
        )
        self._routes: list[routes.Route] = []
        self._turn = itertools.count()
        self._queue: WorkQueue[Key] = WorkQueue("ingress", self._show_address, workers=2)
        self._ingresses.listen(self._on_ingress)
        self._http_routes.listen(lambda old, new: self._rebuild())
        self._session: aiohttp.ClientSession | None = None

    async def run(self, host: str, port: int, ready: asyncio.Event | None) -> None:
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, auto_decompress=False)
        await runner.setup()
        informers = (self._ingresses, self._services, self._pods)
        try:
            await web.TCPSite(runner, host, port).start()
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS),
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
            for informer in informers:
                informer.start()
            for informer in informers:
                await informer.wait_synced()
            self._rebuild()
            log.info("ingress is ready", host=host, port=runner.addresses[0][1], routes=len(self._routes))
            if ready is not None:
                ready.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow_http_routes())
                group.create_task(self._queue.run())
        finally:
            for informer in (*informers, self._http_routes):
                await informer.stop()
            if self._session is not None:
                await self._session.close()
            await runner.cleanup()

    def _on_ingress(self, old: Obj | None, new: Obj | None) -> None:
        self._rebuild()
        if new is not None:
            self._queue.add(resources.key(new))

    async def _follow_http_routes(self) -> None:
        """Their CRD is the Gateway API's and no part of Kubernetes: it may come at any time, or never."""
        while True:
            with contextlib.suppress(ApiError, aiohttp.ClientError, TimeoutError, OSError):
                await self._client.request("GET", resources.HTTP_ROUTES.path(), params={"limit": "1"})
                self._http_routes.start()
                return
            await asyncio.sleep(_LOOK_FOR_CRD_SECONDS)

    def _rebuild(self) -> None:
        found = [
            route
            for ingress in self._ingresses.items()
            if routes.served(ingress, self._classes)
            for route in routes.routes_of(ingress)
        ]
        self._routes = found + [route for item in self._http_routes.items() for route in http_routes.routes_of(item)]

    async def _show_address(self, key: Key) -> float | None:
        """Say in the Ingress's status where it is served, for `kubectl get ingress`."""
        ingress = self._ingresses.get(*key)
        if ingress is None or not routes.served(ingress, self._classes):
            return None
        wanted = {"ingress": [{"ip": "127.0.0.1"}]}
        if (ingress.get("status") or {}).get("loadBalancer") != wanted:
            patch = {"status": {"loadBalancer": wanted}}
            await self._client.patch(resources.INGRESSES, *key, patch, subresource="status")
        return None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        host = routes.host_of(request.headers.get("Host", ""))
        route = routes.find(self._routes, host, request.path)
        if route is None:
            known = "".join(f"  {name}\n" for name in routes.hosts(self._routes)) or "  none\n"
            text = f"No Ingress or HTTPRoute serves {host}{request.path}. Hosts served here:\n{known}"
            return web.Response(status=404, text=text)
        path = http_routes.rewritten(route, request.raw_path)
        if path is None:
            return web.Response(status=404, text=f"{route.owner} serves {route.path} as it is spelled there.\n")
        service = self._services.get(route.namespace, route.service)
        if service is None:
            text = f"{route.owner} names Service {route.service}, which does not exist.\n"
            return web.Response(status=503, text=text)
        selector = (service["spec"].get("selector") or {}).items()
        candidates = self._labelled.get((route.namespace, *min(selector))) if selector else []
        found = routes.endpoints(service, route.port, candidates)
        if not found:
            text = f"No pod of Service {route.namespace}/{route.service} is ready (port {route.port}).\n"
            return web.Response(status=503, text=text, headers={"Retry-After": "5"})
        address, port = found[next(self._turn) % len(found)]
        assert self._session is not None  # noqa: S101 - made before the site answers with routes
        try:
            return await forward(self._session, request, address, port, path)
        except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, TimeoutError) as error:
            text = f"Service {route.namespace}/{route.service} did not answer at {address}:{port}: {error}\n"
            return web.Response(status=502, text=text)
        except aiohttp.WSServerHandshakeError as error:
            return web.Response(status=error.status, text=f"{error.message}\n")
