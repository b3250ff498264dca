"""The forwarding of one request: HTTP with streaming both ways, and websockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_WEBSOCKET_OWN = {
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
}


def forwarded_headers(request: web.Request) -> CIMultiDict[str]:
    """The request's headers without those of this connection, with X-Forwarded-* telling where it came from."""
    named = {item.strip().lower() for item in request.headers.get("Connection", "").split(",")}
    headers = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _HOP_BY_HOP | named and not name.lower().startswith("x-forwarded-")
    )
    peer = request.remote or ""
    before = request.headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{before}, {peer}" if before else peer
    headers["X-Forwarded-Host"] = request.headers.get("Host", "")
    headers["X-Forwarded-Proto"] = request.headers.get("X-Forwarded-Proto", request.scheme)
    headers["X-Real-IP"] = peer
    return headers


def wants_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def forward(
    session: aiohttp.ClientSession, request: web.Request, address: str, port: int, path: str
) -> web.StreamResponse:
    """Pass the request on to `address:port`; `path` is encoded and with its query.

    Raises aiohttp.ClientError before any answer.
    """
    url = f"http://{address}:{port}{path}"
    if wants_websocket(request):
        return await _websocket(session, request, url)
    async with session.request(
        request.method,
        URL(url, encoded=True),
        headers=forwarded_headers(request),
        data=_body(request) if request.body_exists else None,
        allow_redirects=False,
    ) as answer:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                response.headers.add(name, value)
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_any():
        yield chunk


async def _websocket(session: aiohttp.ClientSession, request: web.Request, url: str) -> web.StreamResponse:
    offered = [item.strip() for item in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    protocols = [item for item in offered if item]
    headers = forwarded_headers(request)
    for name in _WEBSOCKET_OWN:
        headers.popall(name, None)
    async with session.ws_connect(
        URL(url, encoded=True), headers=headers, protocols=protocols, max_msg_size=0
    ) as behind:
        front = web.WebSocketResponse(protocols=[behind.protocol] if behind.protocol else (), max_msg_size=0)
        await front.prepare(request)
        pumps = [asyncio.create_task(_pump(front, behind)), asyncio.create_task(_pump(behind, front))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await front.close(code=behind.close_code or 1000)
        return front


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: Socket, sink: Socket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
    await sink.close(code=source.close_code or 1000)
