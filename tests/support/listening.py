"""An app on a port of its own, for clients that need a network."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

T = TypeVar("T")


@contextlib.asynccontextmanager
async def listening(app: FastAPI | ASGIApp | None) -> AsyncIterator[str]:
    """Its URL. The app's lifespan is the caller's business."""
    assert app is not None
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@contextlib.contextmanager
def in_a_thread(make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """What an asynchronous context gives, kept open on a loop of its own, for tests that are not asynchronous."""
    ready = threading.Event()
    given: list[T] = []
    failed: list[BaseException] = []
    stop: list[Callable[[], object]] = []

    async def run() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        async with make() as made:
            given.append(made)
            ready.set()
            await ended.wait()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(60)
    if failed or not given:
        raise AssertionError("it did not start") from (failed[0] if failed else None)
    try:
        yield given[0]
    finally:
        stop[0]()
        thread.join(30)
