"""What the embedded server does in the place of a cluster's controllers and kubelet, and its limits."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from support import accounts
from support.widgets import MERGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.apiservers import ApiServer

pytestmark = pytest.mark.integration


def eventually(check: Any, seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_a_namespace_takes_its_objects_along(embedded_api_server: ApiServer) -> None:
    server = embedded_api_server
    server.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "gone"}})
    path = "/api/v1/namespaces/gone/configmaps"
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    server.ok("POST", path, {"metadata": {"name": "free"}})
    server.ok("POST", path, held)
    marked = server.ok("DELETE", "/api/v1/namespaces/gone")
    assert marked["status"]["phase"] == "Terminating"
    assert eventually(lambda: server.call("GET", f"{path}/free").status_code == 404)
    status = server.refused(403, "POST", path, {"metadata": {"name": "late"}})
    assert "because it is being terminated" in status["message"]
    server.ok("PATCH", f"{path}/held", {"metadata": {"finalizers": None}}, content_type=MERGE)
    assert eventually(lambda: server.call("GET", "/api/v1/namespaces/gone").status_code == 404)


def test_a_body_that_is_too_large(embedded_api_server: ApiServer) -> None:
    body = {"metadata": {"name": "big"}, "data": {"a": "x" * (3 * 1024 * 1024)}}
    status = embedded_api_server.refused(413, "POST", "/api/v1/namespaces/default/configmaps", body)
    assert status["reason"] == "RequestEntityTooLarge"


def test_exec_is_said_to_be_missing(embedded_api_server: ApiServer) -> None:
    status = embedded_api_server.refused(501, "POST", "/api/v1/namespaces/default/pods/p/exec")
    assert "pods/exec is not served by the embedded cluster" in status["message"]


@pytest.fixture
def kubelet() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """The port of a node agent that knows one log, and what it was asked."""
    asked: list[tuple[str, str]] = []
    state: dict[str, Any] = {}
    ready = threading.Event()

    async def log(request: web.Request) -> web.Response:
        asked.append((request.path_qs, request.headers.get("Authorization", "")))
        if request.match_info["container"] == "early":
            return web.Response(status=400, text='container "early" in pod "p" is waiting to start: PodInitializing')
        return web.Response(text="one\ntwo\n")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", log)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        state.update(port=runner.addresses[0][1], stop=asyncio.Event(), loop=asyncio.get_running_loop())
        ready.set()
        await state["stop"].wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield state["port"], asked
    state["loop"].call_soon_threadsafe(state["stop"].set)
    thread.join(10)


def test_logs_come_from_the_node(embedded_api_server: ApiServer, kubelet: tuple[int, list[tuple[str, str]]]) -> None:
    server, (port, asked) = embedded_api_server, kubelet
    node = {
        "metadata": {"name": "here"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        },
    }
    server.ok("POST", "/api/v1/nodes", node)
    containers = [{"name": n, "image": "example/image:1"} for n in ("main", "early")]
    spec = {"nodeName": "here", "containers": containers}
    server.ok("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": spec})
    path = "/api/v1/namespaces/default/pods/p/log"
    assert server.call("GET", f"{path}?container=main&tailLines=2&timestamps=true").text == "one\ntwo\n"
    assert asked == [("/containerLogs/default/p/main?tailLines=2&timestamps=true", f"Bearer {server.token}")]
    status = server.refused(400, "GET", path)
    assert status["message"] == "a container name must be specified for pod p, choose one of: [main early]"
    status = server.refused(400, "GET", f"{path}?container=early")
    assert "waiting to start" in status["message"]


def test_a_thousand_objects_are_listed_quickly(embedded_api_server: ApiServer) -> None:
    server = embedded_api_server
    server.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "many"}})
    path = "/api/v1/namespaces/many/configmaps"
    started = time.monotonic()
    for index in range(1000):
        server.ok("POST", path, {"metadata": {"name": f"c-{index:04}"}, "data": {"a": "x" * 200}})
    created = time.monotonic() - started
    started = time.monotonic()
    listed = server.call("GET", path)
    took = time.monotonic() - started
    assert len(listed.json()["items"]) == 1000
    # A list is made of bytes that lie ready: it costs less than a fiftieth of what writing the objects did.
    assert took < max(0.1, created / 50), (took, created)


def test_what_an_account_may_not_is_in_the_log_once(
    embedded_api_server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    namespace = embedded_api_server.ok("POST", "/api/v1/namespaces", {"metadata": {"generateName": "t-"}})
    account = accounts.make(embedded_api_server, namespace["metadata"]["name"])
    for name in ("a", "b"):
        assert not account.may("GET", f"/api/v1/namespaces/{account.namespace}/secrets/{name}")
    embedded_api_server.call("GET", "/api/v1/secrets", Authorization="")
    told = [record.getMessage() for record in caplog.records if "is forbidden" in record.getMessage()]
    assert told == [
        f'refused: secrets "a" is forbidden: User "{account.user}" cannot get resource "secrets" in API group "" '
        f'in the namespace "{account.namespace}"'
    ]
