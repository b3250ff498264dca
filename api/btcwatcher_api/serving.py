"""The HTTP server of every process, and how it ends."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from btcwatcher_api.garbage import collect_rarely

GRACE_SECONDS: Final = 10


class _Server(uvicorn.Server):
    """Tells of the stop before it waits for the open requests to end: some of them would not end by themselves."""

    def __init__(self, stopping: Callable[[], None], config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)


def run(
    app: ASGIApp,
    host: str,
    port: int,
    protocol: type[asyncio.Protocol] | None,
    stopping: Callable[[], None],
    sockets: Sequence[socket.socket] | None,
) -> int:
    """Serve until SIGTERM or SIGINT, which calls `stopping`; the exit status. `sockets`, if given, listen already."""
    server = _Server(
        stopping,
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=protocol or HttpToolsProtocol,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            lifespan="on",
            log_config=None,
            # Its lines would hold query strings; the metrics have the figures.
            access_log=False,
            server_header=False,
            # addresses.py knows which proxies to believe.
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
    )
    # uvicorn ends by raising the signal again that it was stopped with: an orderly end is exit status 0.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    collect_rarely()
    server.run(None if sockets is None else list(sockets))
    return 0 if server.started else 1
