"""Real proxies on the loopback address: HTTP (CONNECT) and SOCKS5, with a login, and able to fail as real ones do."""

import asyncio
import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal
from urllib.parse import quote

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Mode(Enum):
    WORKS = "works"
    HANGS = "takes connections and never says a word"
    CANNOT_REACH = "says that the destination cannot be reached"
    SWALLOWS = "says that it is connected and passes nothing on"
    NONSENSE = "speaks something else"
    BREAKS_OFF = "breaks every connection off at its first word"


@dataclass
class TestProxy:
    """One proxy. `stop` and `start` keep its port."""

    __test__ = False

    kind: Literal["http", "socks5"]
    username: str = ""
    password: str = ""
    mode: Mode = Mode.WORKS
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Each destination that a client with the right login asked for."""
    refused: int = 0
    """How many clients had another login."""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None
    _clients: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@" if self.username else ""
        return f"{self.kind}://{login}127.0.0.1:{self.port}"

    def start(self) -> None:
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Closes the port and every connection."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._talk((reader, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    async def _talk(self, near: Streams) -> None:
        if self.mode is Mode.HANGS:
            await asyncio.sleep(3600)
        if self.mode is Mode.BREAKS_OFF:
            await near[0].read(1)
            return
        if self.mode is Mode.NONSENSE:
            near[1].write(b"220 mail.example.com ESMTP\r\n")
            await near[1].drain()
            return
        destination = await (self._http(near) if self.kind == "http" else self._socks(near))
        if destination is None:
            self.refused += 1
            return
        self.asked.append(destination)
        far: Streams | None = None
        if self.mode is not Mode.CANNOT_REACH:
            with contextlib.suppress(OSError):
                far = await asyncio.open_connection(*destination)
        near[1].write(self._answer(reached=far is not None))
        if far is None:
            await near[1].drain()
        elif self.mode is Mode.SWALLOWS:
            await asyncio.sleep(3600)
        else:
            await relay(near, far)

    def _answer(self, *, reached: bool) -> bytes:
        if self.kind == "http":
            return b"HTTP/1.1 200 OK\r\n\r\n" if reached else b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
        return b"\x05" + (b"\x00" if reached else b"\x04") + b"\x00\x01\x00\x00\x00\x00\x00\x00"

    async def _http(self, near: Streams) -> tuple[str, int] | None:
        head = (await near[0].readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split("\r\n")[0].split(" ")
        assert method == "CONNECT", "a proxy that only tunnels"
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        if self.username and f"proxy-authorization: basic {login}".lower() not in head.lower():
            near[1].write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
            await near[1].drain()
            return None
        host, _, port = target.rpartition(":")
        return host, int(port)

    async def _socks(self, near: Streams) -> tuple[str, int] | None:
        reader, writer = near
        _, count = await reader.readexactly(2)
        offered = await reader.readexactly(count)
        wanted = 2 if self.username else 0
        if wanted not in offered:
            writer.write(b"\x05\xff")
            await writer.drain()
            return None
        writer.write(bytes([5, wanted]))
        if self.username:
            await reader.readexactly(1)
            username = await self._field(reader)
            password = await self._field(reader)
            right = (username, password) == (self.username, self.password)
            writer.write(b"\x01" + (b"\x00" if right else b"\x01"))
            await writer.drain()
            if not right:
                return None
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = await self._field(reader)
        else:
            family, length = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, await reader.readexactly(length))
        return host, int.from_bytes(await reader.readexactly(2), "big")

    @staticmethod
    async def _field(reader: asyncio.StreamReader) -> str:
        """A string with its length before it."""
        (length,) = await reader.readexactly(1)
        return (await reader.readexactly(length)).decode()


async def relay(near: Streams, far: Streams) -> None:
    """Passes bytes on both ways until one side ends."""
    pumps = [asyncio.create_task(_pump(near[0], far[1])), asyncio.create_task(_pump(far[0], near[1]))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        far[1].close()
        near[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()


@contextlib.contextmanager
def proxies() -> Iterator["Proxies"]:
    """Makes running proxies; all are stopped in the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Proxies(loop)
    try:
        yield made
    finally:
        for proxy in made.all:
            proxy.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@dataclass
class Proxies:
    loop: asyncio.AbstractEventLoop
    all: list[TestProxy] = field(default_factory=list)

    def __call__(self, kind: Literal["http", "socks5"], username: str = "", password: str = "") -> TestProxy:
        proxy = TestProxy(kind, username, password, _loop=self.loop)
        proxy.start()
        self.all.append(proxy)
        return proxy
