"""A reverse proxy between an operator and its API server that goes wrong on demand, at the request a test names."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import aiohttp
import yaml
from aiohttp import web

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

Object = dict[str, Any]

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "content-length", "te", "upgrade"})
_WRITES = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
_PATIENCE_SECONDS = 60.0
"""How long a connection is left hanging at most; a test that needs longer is broken."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, in Kubernetes' words."""

    verb: str
    """list, watch, get, create, patch, update or delete."""
    plural: str
    name: str
    """Of the object; of a create as its body says."""
    status: bool
    """Whether it is about the status subresource."""
    content_type: str = ""
    client: str = ""
    """The User-Agent."""
    at: float = field(default_factory=time.monotonic)

    @property
    def write(self) -> bool:
        return self.verb in _WRITES.values()

    @property
    def word(self) -> str:
        """Such as `create secrets/ema-access` or `patch strategies/ema/status`."""
        handing_over = " (hand over)" if self.content_type.startswith("application/json-patch") else ""
        return f"{self.verb} {self.plural}/{self.name}{'/status' if self.status else ''}{handing_over}"


@dataclass(slots=True)
class Exchange:
    """A request under way and what a fault can do with it."""

    seen: Seen
    request: web.Request
    body: bytes
    proxy: FaultProxy
    rule: Rule | None = None
    """That makes it go wrong."""

    async def forward(self) -> web.StreamResponse:
        """Sends it on and the answer back, unharmed."""
        if self.seen.verb == "watch":
            return await self.proxy.stream(self)
        status, headers, text = await self.upstream()
        return web.Response(status=status, headers=headers, body=text)

    async def upstream(self) -> tuple[int, dict[str, str], bytes]:
        """What the API server answers; nothing is sent back yet."""
        async with self.proxy.send(self) as answer:
            return answer.status, _headers(answer.headers), await answer.read()

    def cut(self) -> web.StreamResponse:
        """Ends the connection as a peer that vanished: no answer, no farewell."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response(status=500)

    async def hang(self) -> web.StreamResponse:
        """Says nothing more, and keeps the connection open."""
        if self.rule:
            self.rule.struck.set()
        await asyncio.sleep(_PATIENCE_SECONDS)
        return web.Response(status=500)


Fault = Callable[[Exchange], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Rule:
    """The `nth` request that matches, and `times` - 1 after it, go wrong."""

    matches: Callable[[Seen], bool]
    fault: Fault
    nth: int = 1
    times: int = 1
    counted: int = 0
    struck: threading.Event = field(default_factory=threading.Event)
    """Set once it has gone wrong for the first time."""

    def strikes(self, seen: Seen) -> bool:
        if not self.matches(seen):
            return False
        self.counted += 1
        return self.nth <= self.counted < self.nth + self.times


class Gate:
    """Holds a request back until it is opened, though whoever sent it may be gone by then."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    async def fault(self, exchange: Exchange) -> web.StreamResponse:
        self.reached.set()
        while not self._opened.is_set():  # noqa: ASYNC110 - opened by another thread
            await asyncio.sleep(0.02)
        return await exchange.forward()


class FaultProxy:
    """Listens on loopback, in a thread of its own. A context manager; rules and records are for the test's thread."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self._config = config
        self._target = config["clusters"][0]["cluster"]["server"]
        self._rules: list[Rule] = []
        self._records: list[Seen] = []
        self._ready = threading.Event()
        self._port = 0
        self._down = threading.Event()
        self._watches: set[asyncio.BaseTransport] = set()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def write_kubeconfig(self, path: Path) -> None:
        """The same user and token, through the proxy."""
        server = f"http://127.0.0.1:{self._port}"
        name = self._config["clusters"][0]["name"]
        path.write_text(yaml.safe_dump({**self._config, "clusters": [{"name": name, "cluster": {"server": server}}]}))

    def arm(self, rule: Rule) -> Rule:
        self._rules.append(rule)
        return rule

    def disarm(self) -> None:
        self._rules.clear()

    def requests(self) -> list[Seen]:
        """All that came, in the order they came."""
        return list(self._records)

    def forget(self) -> None:
        self._records.clear()

    def refuse(self) -> None:
        """From now on the API server is away: connections end without an answer, open watches too."""
        self._down.set()
        self.break_watches()

    def serve(self) -> None:
        self._down.clear()

    def break_watches(self) -> None:
        """Ends every open watch at once."""

        def abort() -> None:
            for transport in self._watches:
                cast("asyncio.Transport", transport).abort()

        self._loop.call_soon_threadsafe(abort)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        async with aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0)) as session:
            self._session = session
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self._port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        exchange = Exchange(_seen(request, body), request, body, self)
        if self._down.is_set():
            return exchange.cut()
        self._records.append(exchange.seen)
        # Every rule counts the request, also when another strikes.
        striking = [rule for rule in list(self._rules) if rule.strikes(exchange.seen)]
        try:
            if not striking:
                return await exchange.forward()
            exchange.rule = striking[0]
            return await exchange.rule.fault(exchange)
        except (aiohttp.ClientError, OSError):
            return exchange.cut()
        finally:
            for rule in striking:
                rule.struck.set()

    def send(self, exchange: Exchange) -> aiohttp.client._BaseRequestContextManager[aiohttp.ClientResponse]:
        request = exchange.request
        return self._session.request(
            request.method,
            f"{self._target}{request.raw_path}",
            headers=_headers(request.headers),
            data=exchange.body or None,
            ssl=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        )

    async def stream(self, exchange: Exchange, *, silent: Callable[[], bool] = lambda: False) -> web.StreamResponse:
        """A watch, passed on as it comes; what comes while `silent` is lost."""
        async with self.send(exchange) as answer:
            response = web.StreamResponse(status=answer.status, headers=_headers(answer.headers))
            response.enable_chunked_encoding()
            transport = exchange.request.transport
            assert transport is not None
            self._watches.add(transport)
            try:
                await response.prepare(exchange.request)
                async for chunk in answer.content.iter_any():
                    if not silent():
                        await response.write(chunk)
                await response.write_eof()
            finally:
                self._watches.discard(transport)
            return response


def _seen(request: web.Request, body: bytes) -> Seen:
    parts = urlsplit(request.raw_path).path.strip("/").split("/")
    parts = parts[3:] if parts[0] == "apis" else parts[2:]
    if len(parts) > 2 and parts[0] == "namespaces":
        parts = parts[2:]
    plural, name, sub = ([*parts, "", "", ""])[:3]
    verb = _WRITES.get(request.method) or ("get" if name else "list")
    if verb == "list" and request.query.get("watch") in ("true", "1"):
        verb = "watch"
    if verb == "create":
        metadata = json.loads(body)["metadata"]
        name = metadata.get("name") or metadata.get("generateName", "")
    kind = request.headers.get("Content-Type", "")
    return Seen(verb, plural, name, sub == "status", kind, request.headers.get("User-Agent", ""))


def _headers(headers: Any) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.lower() not in _HOP_BY_HOP}
