"""What can go wrong with one request, by name: an answer, a cut, silence, or the death of whoever asked."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.faultproxy import Exchange, Fault

_REASONS = {
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


def status(code: int) -> bytes:
    """The Status with which an API server refuses."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "code": code,
        "reason": _REASONS[code],
        "message": f"injected: {_REASONS[code]}",
    }
    return json.dumps(body).encode()


def answer(code: int, *, retry_after: int | None = None) -> Fault:
    """The request never reaches the server; this is the answer."""

    async def fault(_: Exchange) -> web.StreamResponse:
        headers = {"Content-Type": "application/json"}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return web.Response(status=code, headers=headers, body=status(code))

    return fault


def done_but_answered(code: int) -> Fault:
    """The server carries it out, and yet this is the answer: a gateway that lost patience."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await exchange.upstream()
        return web.Response(status=code, headers={"Content-Type": "application/json"}, body=status(code))

    return fault


async def cut_before(exchange: Exchange) -> web.StreamResponse:
    """The connection ends before the request reaches the server."""
    return exchange.cut()


async def cut_after(exchange: Exchange) -> web.StreamResponse:
    """The server carries it out, and the connection ends before its answer arrives."""
    await exchange.upstream()
    return exchange.cut()


async def hang_before(exchange: Exchange) -> web.StreamResponse:
    """Half open: the request never arrives, the connection stays."""
    return await exchange.hang()


async def hang_after(exchange: Exchange) -> web.StreamResponse:
    """Half open: the server carries it out, its answer never arrives, the connection stays."""
    await exchange.upstream()
    return await exchange.hang()


def kill(pid: Callable[[], int], *, after: bool) -> Fault:
    """kill -9 of the operator, before its request reaches the server or after it was carried out."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        if after:
            await exchange.upstream()
        os.kill(pid(), signal.SIGKILL)
        return exchange.cut()

    return fault


def error_event(code: int) -> Fault:
    """A watch that begins well and then says it failed, as one whose resourceVersion is too old does."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(exchange.request)
        await response.write(b'{"type":"ERROR","object":' + status(code) + b"}\n")
        await response.write_eof()
        return response

    return fault


async def deaf(exchange: Exchange) -> web.StreamResponse:
    """A half-open watch: it seems to be open, and nothing ever comes."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(exchange.request)
    await exchange.hang()
    return response


ANSWERS: dict[str, Fault] = {
    "409": answer(409),
    "410": answer(410),
    "429": answer(429, retry_after=1),
    "500": answer(500),
    "503": answer(503),
    "503 done": done_but_answered(503),
    "EOF before": cut_before,
    "EOF after": cut_after,
    "half-open before": hang_before,
    "half-open after": hang_after,
}
"""What can become of one request, the operator living on."""

WATCHES: dict[str, Fault] = {
    "410": answer(410),
    "410 event": error_event(410),
    "429": answer(429, retry_after=1),
    "500": answer(500),
    "500 event": error_event(500),
    "503": answer(503),
    "EOF": cut_before,
    "half-open": deaf,
}
"""What can become of a watch."""
