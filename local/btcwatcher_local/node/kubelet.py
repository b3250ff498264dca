"""The agent's HTTP endpoint: logs for `kubectl logs`, which the API server asks for here, and what containers use."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from btcwatcher_local.client import times
from btcwatcher_local.node import logs, usage
from btcwatcher_local.node.model import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from btcwatcher_local.node.pod import PodWorker

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KubeletServer:
    """A kubelet's `/containerLogs/...`, `/metrics/cadvisor` and `/healthz`, for holders of the API token only."""

    def __init__(self, token: str | None, pods: Mapping[tuple[str, str], PodWorker]) -> None:
        self._token = token
        self._pods = pods
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen on `port` of `host`; on a free one for 0, and `self.port` says which."""
        app = web.Application(middlewares=[self._authenticate])
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get("/metrics/cadvisor", self._figures)
        app.router.add_get("/healthz", self._healthz)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._token is not None and not hmac.compare_digest(given.encode(), self._token.encode()):
            return web.Response(status=401, text="Unauthorized")
        return await handler(request)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _figures(self, _: web.Request) -> web.Response:
        text = await asyncio.to_thread(usage.exposition, list(self._pods.values()))
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        names = request.match_info
        worker = self._pods.get((names["namespace"], names["pod"]))
        if worker is None:
            return web.Response(status=404, text=f'pod "{names["pod"]}" not found on this node\n')
        container = worker.containers.get(names["container"])
        if container is None:
            text = f"container {names['container']} is not valid for pod {names['pod']}\n"
            return web.Response(status=400, text=text)
        try:
            options = _options(request)
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        record = container.record
        if isinstance(record.state, Waiting):
            shown = record.waiting or record.state
            text = (
                f'container "{record.name}" in pod "{names["pod"]}" is waiting to start: '
                f"{shown.message or shown.reason}"
            )
            return web.Response(status=400, text=text)
        count = record.restart_count
        if request.query.get("previous") == "true":
            if count == 0:
                text = f'previous terminated container "{record.name}" in pod "{names["pod"]}" not found'
                return web.Response(status=400, text=text)
            count -= 1
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(request)

        def ended() -> bool:
            return record.restart_count != count or not record.running

        # Who follows a log usually ends it by hanging up.
        with contextlib.suppress(ConnectionError):
            async for piece in logs.read(container.dirs.log_file(count), options, ended):
                await response.write(piece)
            await response.write_eof()
        return response


def _options(request: web.Request) -> logs.LogOptions:
    query = request.query
    since = times.parse(query.get("sinceTime"))
    if "sinceSeconds" in query:
        since = logs.since_seconds(int(query["sinceSeconds"]))
    return logs.LogOptions(
        follow=query.get("follow") in ("true", "1"),
        timestamps=query.get("timestamps") in ("true", "1"),
        tail_lines=int(query["tailLines"]) if "tailLines" in query else None,
        limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
        since=since,
    )
