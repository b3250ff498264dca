"""The proxy that ccxt is told of: on the loopback address, in a thread of the bot's own process."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from btcwatcher_bot.proxies import request as requests
from btcwatcher_bot.proxies.health import Fault, Health, at_fault
from btcwatcher_bot.proxies.market import MarketCache
from btcwatcher_bot.proxies.request import Request, RequestError
from btcwatcher_bot.proxies.tunnel import TunnelError, open_straight, open_tunnel, passes, trust
from btcwatcher_bot.proxies.upstream import Upstream

logger = logging.getLogger(__name__)

_HEAD_SECONDS = 30.0
_SILENCE_SECONDS = 5.0
"""A destination that has said nothing for so long when its client gives up was not heard through the proxy."""
_LAST_ANSWER_SECONDS = 10.0
_CHUNK = 65536
_LOOK_EVERY = 1.0
_START_SECONDS = 10.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Read = Callable[[], tuple[list[Upstream], dict[str, str]]]


class NoWayError(Exception):
    """Nothing leads to the destination now. The text says why, and names each proxy with what is wrong."""


@dataclass(frozen=True, slots=True)
class _Destination:
    host: str
    port: int
    tls: bool


class Forwarder:
    """Sends each connection through the first proxy that works; never one to an exchange without a proxy.

    `read` gives the proxies and what is wrong with the others; it is asked for every connection, so that a changed
    URL holds from then on. None: the Strategy has no Proxies, and is only here for the `market` cache.
    """

    def __init__(self, read: Read | None, market: MarketCache | None = None) -> None:
        self._read = read
        self._market = market
        self._health = Health()
        self._last: _Destination | None = None
        self.trouble = ""
        """Why the last connection did not come about; empty when it did."""
        self._probing: set[Upstream] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> str:
        """Listen until the process ends; the URL. Raises OSError or TimeoutError."""
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="btcwatcher-proxies", daemon=True).start()
        port = asyncio.run_coroutine_threadsafe(self.listen(), loop).result(_START_SECONDS)
        return f"http://127.0.0.1:{port}"

    async def listen(self) -> int:
        """Listen while the running loop does; the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=requests.MAX_HEAD)
        self._spawn(self._recover())
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._carry(reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            # The client went away, or never said what it wants.
            pass
        except Exception:
            logger.exception("a connection was given up")
        finally:
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        try:
            request = requests.parse(head)
        except RequestError as error:
            await _refuse(writer, 400, str(error))
            return
        try:
            request, proxy, far = await self._way(request)
        except NoWayError as error:
            await _refuse(writer, 502, str(error))
            return
        if request.forward:
            far[1].write(request.forward)
        else:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._relay(proxy, (reader, writer), far, len(request.forward))

    async def _way(self, request: Request) -> tuple[Request, Upstream | None, Streams]:
        """A connection, by which proxy, and the request that goes through it. Raises NoWayError."""
        if self._market is not None and request.url and self._market.holds(request.host, request.port):
            if (near := await self._cache(self._market)) is not None:
                return request, None, near
            instead = self._market.instead(request.url)
            if instead is None:
                self.trouble = f"the market-data cache at {request.host} cannot be reached"
                raise NoWayError(self.trouble)
            request = requests.readdressed(request, instead)
        if self._read is not None:
            return request, *await self._connect(self._read, request)
        try:
            far = await open_straight(request.host, request.port, trust() if request.secure else None)
        except OSError as error:
            self.trouble = f"{request.host} cannot be reached: {type(error).__name__}"
            raise NoWayError(self.trouble) from None
        self.trouble = ""
        return request, None, far

    async def _cache(self, market: MarketCache) -> Streams | None:
        """A connection to the cache, which no proxy leads to; None while it is away."""
        if not market.worth_trying():
            return None
        try:
            found = await open_straight(market.host, market.port)
        except OSError:
            if market.found_away():
                what = "it is waited for" if market.waits else "the exchange is asked itself until it is back"
                logger.warning("the market-data cache cannot be reached; %s", what)
            return None
        if market.found_there():
            logger.warning("the market-data cache is back")
        self.trouble = ""
        return found

    async def _connect(self, read: Read, request: Request) -> tuple[Upstream, Streams]:
        self._last = _Destination(request.host, request.port, request.tls or request.secure)
        proxies, wrong = read()
        failures: list[tuple[Upstream, Fault]] = []
        for proxy in self._health.order(proxies):
            try:
                far = await open_tunnel(proxy, request.host, request.port, trust() if request.secure else None)
            except TunnelError as error:
                failures.append((proxy, error.fault))
                continue
            self._blame(at_fault(failures, another_got_through=True))
            self._works(proxy)
            self.trouble = ""
            return proxy, far
        self._blame(at_fault(failures, another_got_through=False))
        reasons = [f"{proxy.name} {fault.value}" for proxy, fault in failures]
        reasons += [f"{name}: {words}" for name, words in wrong.items()]
        self.trouble = f"no proxy leads to {request.host}: {'; '.join(reasons) or 'there is none'}"
        raise NoWayError(self.trouble)

    async def _relay(self, proxy: Upstream | None, near: Streams, far: Streams, sent: int) -> None:
        """Passes bytes on both ways until both sides are done or one breaks. `sent`: what went to the far side."""
        begun = time.monotonic()
        there, back = _Pump(near[0], far[1], sent), _Pump(far[0], near[1])
        sending, receiving = asyncio.create_task(there.run()), asyncio.create_task(back.run())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            far_ended = receiving.done()
            # A client that only stopped sending may still wait for its answer; one that is gone does not.
            await asyncio.wait({receiving}, timeout=_LAST_ANSWER_SECONDS)
        finally:
            sending.cancel()
            receiving.cancel()
            far[1].close()
        silent = far_ended or time.monotonic() - begun >= _SILENCE_SECONDS
        if proxy is not None and there.passed and not back.passed and silent:
            self._blame([(proxy, Fault.SILENT)])

    async def _recover(self) -> None:
        """Tries the proxies that failed, beside the traffic, so that none of it is lost on them."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self._last is None or self._read is None:
                continue
            for proxy in self._health.due(self._read()[0], time.monotonic()):
                if proxy not in self._probing:
                    self._probing.add(proxy)
                    self._spawn(self._probe(proxy, self._last))

    async def _probe(self, proxy: Upstream, to: _Destination) -> None:
        try:
            fault = await passes(proxy, to.host, to.port, to.tls)
        finally:
            self._probing.discard(proxy)
        if fault is None:
            self._works(proxy)
        else:
            self._blame([(proxy, fault)])

    def _blame(self, failures: list[tuple[Upstream, Fault]]) -> None:
        for proxy, fault in failures:
            if self._health.failed(proxy, time.monotonic()):
                logger.warning("proxy %s %s; the others come first until it works again", proxy.name, fault.value)

    def _works(self, proxy: Upstream) -> None:
        if self._health.works(proxy):
            logger.warning("proxy %s works again", proxy.name)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        # The loop itself holds tasks weakly.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass(slots=True)
class _Pump:
    """One direction of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    passed: int = 0
    """Bytes."""

    async def run(self) -> None:
        """Passes bytes on until there are no more or the connection breaks."""
        with suppress(OSError):
            while chunk := await self.reader.read(_CHUNK):
                self.passed += len(chunk)
                self.writer.write(chunk)
                await self.writer.drain()
            if self.writer.can_write_eof():
                self.writer.write_eof()


async def _refuse(writer: asyncio.StreamWriter, status: int, words: str) -> None:
    # In the status line, because that is what ends up in ccxt's error and so in the bot's log.
    said = words.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
    writer.write(f"HTTP/1.1 {status} {said}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
