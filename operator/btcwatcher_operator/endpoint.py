"""What the operator says of itself over HTTP: /metrics, /healthz (it lives), /readyz (it has looked at everything)."""

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from btcwatcher_operator.metrics import Metrics


@contextlib.asynccontextmanager
async def served(
    address: str, port: int, metrics: Metrics, ready: Callable[[], bool], problem: Callable[[], str | None]
) -> AsyncIterator[None]:
    """Answers while the context is open; nowhere with port 0. Raises OSError when the port is taken.

    `ready`: whether it works or stands by; `problem`: why the process should be started again, if it should.
    """
    if port == 0:
        yield
        return

    async def tell_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def tell_health(_: web.Request) -> web.Response:
        found = problem()
        return web.Response(status=503, text=f"{found}\n") if found else web.Response(text="ok\n")

    async def tell_readiness(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="not everything looked at yet\n")

    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", tell_metrics),
            web.get("/healthz", tell_health),
            web.get("/readyz", tell_readiness),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield
    finally:
        await runner.cleanup()
