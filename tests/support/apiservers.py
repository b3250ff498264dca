"""API servers to test against: the embedded one in a thread, and a real one where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from btcwatcher_local.apiserver import serve

from . import realapi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from btcwatcher_local.apiserver import Serving

Object = dict[str, Any]


@dataclass(frozen=True)
class ApiServer:
    """One server under test. `client` is authorised and knows the base URL."""

    kind: str  # embedded or real
    url: str
    token: str
    kubeconfig: Path
    client: httpx.Client
    # the embedded server itself, to make it forget or to look inside; None for a real one
    serving: Serving | None = None

    @property
    def embedded(self) -> bool:
        return self.kind == "embedded"

    def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = "", **headers: str
    ) -> httpx.Response:
        """A request with a JSON body; the content type of a patch follows from `content_type`."""
        sent = {"Content-Type": content_type or "application/json", "User-Agent": "conformance/1"}
        sent |= {k.replace("_", "-"): v for k, v in headers.items()}
        if body is None:
            return self.client.request(method, path, headers=sent)
        if isinstance(body, bytes):
            return self.client.request(method, path, content=body, headers=sent)
        return self.client.request(method, path, json=body, headers=sent)

    def ok(self, method: str, path: str, body: Any = None, **more: str) -> Object:
        """The object of a request that must succeed."""
        answer = self.call(method, path, body, **more)
        assert answer.status_code < 300, answer.text
        found: Object = answer.json()
        return found

    def refused(self, code: int, method: str, path: str, body: Any = None, **more: str) -> Object:
        """The Status of a request that must be refused."""
        answer = self.call(method, path, body, **more)
        assert answer.status_code == code, answer.text
        found: Object = answer.json()
        assert found["kind"] == "Status"
        assert found["code"] == code
        return found


@contextlib.contextmanager
def embedded(place: Path, *, account_admission: bool = False) -> Iterator[ApiServer]:
    """The embedded server on a free port, with its own event loop in a thread."""
    token = "t" + secrets.token_hex(16)
    ready: threading.Event = threading.Event()
    state: dict[str, Any] = {}

    async def run() -> None:
        stop = asyncio.Event()
        async with serve("127.0.0.1", 0, token, account_admission=account_admission) as serving:
            state.update(serving=serving, stop=stop, loop=asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(30), "the embedded API server did not start"
    serving: Serving = state["serving"]
    kubeconfig = place / "kubeconfig"
    serving.write_kubeconfig(kubeconfig)
    try:
        with _client(serving.url, token) as client:
            yield ApiServer("embedded", serving.url, token, kubeconfig, client, serving)
    finally:
        state["loop"].call_soon_threadsafe(state["stop"].set)
        thread.join(15)


@contextlib.contextmanager
def real(*, account_admission: bool = False) -> Iterator[ApiServer]:
    with realapi.running(account_admission=account_admission) as found, _client(found.url, found.token) as client:
        yield ApiServer("real", found.url, found.token, found.kubeconfig, client)


def _client(url: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, verify=False, timeout=30)  # noqa: S501 - throwaway, on loopback
