"""Following the signals over a real socket: a server in this process, and a listener that reads server-sent events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from support import api
from support.api import READ_TOKEN, Api

STREAM = "/api/v1/signals/stream"


@dataclass(slots=True)
class Listener:
    """What one listener has heard."""

    signals: list[dict[str, Any]] = field(default_factory=list)
    last_id: str = ""
    comments: list[str] = field(default_factory=list)
    status: int = 0
    problem: dict[str, Any] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ids(self) -> list[str]:
        return [signal["id"] for signal in self.signals]

    async def until(self, count: int, seconds: float = 60.0) -> None:
        """Wait until so many signals have come."""
        async with asyncio.timeout(seconds):
            while len(self.signals) < count:
                self.heard.clear()
                await self.heard.wait()

    async def listen(self, http: httpx.AsyncClient, **filters: Any) -> None:
        """One connection, until it ends."""
        headers = {"Authorization": f"Bearer {READ_TOKEN}"}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        async with http.stream("GET", STREAM, params=filters, headers=headers, timeout=60) as answer:
            self.status = answer.status_code
            if answer.status_code != 200:
                self.problem = json.loads(await answer.aread())
                self.open.set()
                return
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                    continue
                self._take(event)
                event = {}

    def _take(self, event: dict[str, str]) -> None:
        # As browsers do it: an id counts also where no data comes with it.
        self.last_id = event.get("id", self.last_id)
        if "" in event:
            self.comments.append(event[""])
        if "data" in event:
            assert event["event"] == "signal"
            self.signals.append(json.loads(event["data"]))
        self.open.set()
        self.heard.set()


@contextlib.asynccontextmanager
async def following(
    http: httpx.AsyncClient, listener: Listener | None = None, **filters: Any
) -> AsyncIterator[Listener]:
    """A listener that comes again by itself, as browsers do, until the end of the block."""
    listener = listener or Listener()

    async def again() -> None:
        while True:
            with contextlib.suppress(httpx.TransportError):
                await listener.listen(http, **filters)
            await asyncio.sleep(0.1)

    listener.open.clear()
    task = asyncio.create_task(again())
    try:
        async with asyncio.timeout(30):
            await listener.open.wait()
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def serving(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Api]:
    """The API behind a real socket, for what httpx' in-process transport cannot do: answers without an end."""
    async with api.running(database_url, folder, **settings) as inside:
        assert inside.app is not None
        config = uvicorn.Config(inside.app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30) as http:
            yield Api(http, inside.registry, inside.channels, inside.app)
        inside.app.state.feed.end()
        server.should_exit = True
        await task
