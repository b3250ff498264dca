"""A server that answers as Prometheus' HTTP API documents it: for tests where no Prometheus can be installed."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

Answer = Callable[[str, dict[str, str]], tuple[int, Any]]
"""Path and parameters to status and body."""


def vector(*samples: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [1795000000.5, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def matrix(*values: tuple[float, str]) -> dict[str, Any]:
    result = [{"metric": {}, "values": [list(value) for value in values]}] if values else []
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


@contextlib.asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """Its URL, and what it was asked."""
    asked: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked.append({**form, "authorization": request.headers.get("Authorization", "")})
        status, body = answer(request.path, form)
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, content_type="application/json")

    app = web.Application()
    app.router.add_post("/api/v1/query", handle)
    app.router.add_post("/api/v1/query_range", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
