"""A bot's message websocket, passed through until either end, or the session, has enough."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from btcwatcher_api.problems import Problem
from btcwatcher_api.screen.bots import Target

_FROM_BROWSER_BYTES: Final = 64 * 1024
"""FreqUI sends what it wants to hear of: a line."""
_FROM_BOT_BYTES: Final = 16 * 1024 * 1024
"""An analysed dataframe is the largest."""
_HEARTBEAT_SECONDS: Final = 25.0
_CHECK_SECONDS: Final = 3.0
_SIGNED_OUT: Final = 4401
_BOT_GONE: Final = 1011

Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def stream(
    client: aiohttp.ClientSession,
    request: web.Request,
    target: Target,
    signed_in: Callable[[], Awaitable[bool]],
    seconds: float,
) -> web.StreamResponse:
    """Raises Problem 502 and 504 while nothing was answered."""
    url = URL(f"{target.base}/message/ws").with_query(token=target.ws_token)
    timeout = aiohttp.ClientWSTimeout(ws_close=2.0)
    try:
        async with asyncio.timeout(seconds):
            behind = await client.ws_connect(
                url, timeout=timeout, heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_FROM_BOT_BYTES
            )
    except TimeoutError as error:
        raise Problem(504, f"the bot of {target.strategy} does not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Problem(502, f"the messages of the bot of {target.strategy} cannot be had: it may be starting") from error
    async with behind:
        front = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_SECONDS, timeout=2.0, max_msg_size=_FROM_BROWSER_BYTES, compress=False
        )
        await front.prepare(request)
        watching = asyncio.create_task(_until_signed_out(signed_in))
        pumps = [asyncio.create_task(_pump(front, behind)), asyncio.create_task(_pump(behind, front))]
        try:
            await asyncio.wait([watching, *pumps], return_when=asyncio.FIRST_COMPLETED)
            await front.close(code=_SIGNED_OUT if watching.done() else _BOT_GONE if pumps[1].done() else 1000)
        finally:
            for task in (watching, *pumps):
                task.cancel()
            await asyncio.gather(watching, *pumps, return_exceptions=True)
        return front


async def _until_signed_out(signed_in: Callable[[], Awaitable[bool]]) -> None:
    while await signed_in():  # noqa: ASYNC110 - a database does not tell
        await asyncio.sleep(_CHECK_SECONDS)


async def _pump(source: Socket, sink: Socket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
