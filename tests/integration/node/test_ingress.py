"""The ingress: names, streaming, websockets, and honest refusals."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
import yaml
from aiohttp import web

from btcwatcher_local import ingress
from btcwatcher_local.client import ApiError
from btcwatcher_local.client.resources import CRDS, HTTP_ROUTES, INGRESSES, PODS, SERVICES
from btcwatcher_local.loopback import free_port
from support.kubectl import REPOSITORY
from support.localcluster import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.localcluster import LocalCluster

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def backend() -> AsyncIterator[int]:
    """A small web application; yields its port."""

    async def echo(request: web.Request) -> web.Response:
        body = await request.text()
        told = {name: request.headers.get(name, "") for name in ("Host", "X-Forwarded-Host", "X-Forwarded-For")}
        return web.json_response({"path": request.raw_path, "body": body, **told})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.sleep(1)
        await response.write(b"second")
        return response

    async def socket_echo(request: web.Request) -> web.WebSocketResponse:
        made = web.WebSocketResponse(protocols=["chat"])
        await made.prepare(request)
        async for message in made:
            await made.send_str(f"{request.path}:{message.data}")
        return made

    app = web.Application()
    app.router.add_get("/stream", stream)
    app.router.add_get("/ws", socket_echo)
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest_asyncio.fixture
async def served(cluster: LocalCluster, backend: int) -> AsyncIterator[tuple[LocalCluster, int, str]]:
    """An Ingress to the backend, through a Service and a pod that says it is ready."""
    port, host = free_port(), f"bot.{cluster.namespace}.localhost"
    pod = cluster.pod("bot", "true", nodeName="nowhere")
    await cluster.create(PODS, pod)
    status = {
        "phase": "Running",
        "podIP": "127.0.0.1",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    await cluster.client.patch(PODS, cluster.namespace, "bot", {"status": status}, subresource="status")
    ports = [{"name": "api", "port": 8081, "targetPort": backend}]
    await cluster.create(SERVICES, {"metadata": {"name": "bot"}, "spec": {"selector": {"app": "bot"}, "ports": ports}})
    back = {"service": {"name": "bot", "port": {"number": 8081}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": back}]}}
    await cluster.create(INGRESSES, {"metadata": {"name": "bot"}, "spec": {"rules": [rule]}})
    ready = asyncio.Event()
    task = asyncio.create_task(ingress.run(cluster.kubeconfig, port, ready=ready))
    async with asyncio.timeout(10):
        await ready.wait()
    yield cluster, port, host
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await cluster.client.delete(INGRESSES, cluster.namespace, "bot")


async def test_requests_pass_with_their_names(served: tuple[LocalCluster, int, str]) -> None:
    cluster, port, host = served
    url = f"http://127.0.0.1:{port}/api/v1/a%2Fb?x=1&y=%20"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=b"body", headers={"Host": f"{host}:{port}"}) as answer:
            told = await answer.json()
        assert told["path"] == "/api/v1/a%2Fb?x=1&y=%20"
        assert told["body"] == "body"
        assert told["Host"] == told["X-Forwarded-Host"] == f"{host}:{port}"
        assert told["X-Forwarded-For"] == "127.0.0.1"
        async with session.get(f"http://127.0.0.1:{port}/", headers={"Host": "other.localhost"}) as answer:
            assert answer.status == 404
            assert host in await answer.text()
    held = await cluster.until(
        "bot", lambda item: bool((item.get("status") or {}).get("loadBalancer")), resource=INGRESSES
    )
    assert held["status"]["loadBalancer"]["ingress"] == [{"ip": "127.0.0.1"}]


async def test_a_stream_is_not_held_back(served: tuple[LocalCluster, int, str]) -> None:
    _, port, host = served
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/stream", headers={"Host": host}) as answer,
    ):
        async with asyncio.timeout(0.7):
            assert await answer.content.readany() == b"first"
        assert await answer.content.read() == b"second"


async def test_websockets_pass(served: tuple[LocalCluster, int, str]) -> None:
    _, port, host = served
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/ws", headers={"Host": host}, protocols=["chat"]) as channel,
    ):
        assert channel.protocol == "chat"
        await channel.send_str("hello")
        assert (await channel.receive(timeout=2)).data == "/ws:hello"


async def test_http_routes_by_path_once_their_crd_is_there(served: tuple[LocalCluster, int, str]) -> None:
    cluster, port, _ = served
    crd = yaml.safe_load((REPOSITORY / "tests" / "data" / "httproutes-crd.yaml").read_text())
    base, host = f"http://127.0.0.1:{port}", {"Host": f"all.{cluster.namespace}.localhost"}
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/desk/bot"}}],
        "backendRefs": [{"name": "bot", "port": 8081}],
        "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}],
    }
    route = {"metadata": {"name": "bot"}, "spec": {"hostnames": [host["Host"]], "rules": [rule]}}
    await cluster.client.create(CRDS, crd)
    async with aiohttp.ClientSession() as session:

        async def status(path: str) -> int:
            async with session.get(base + path, headers=host) as answer:
                return answer.status

        async def made() -> bool:
            try:
                await cluster.create(HTTP_ROUTES, dict(route))
            except ApiError:
                return False
            return True

        async def answers() -> bool:
            return await status("/desk/bot/") == 200

        async def gone() -> bool:
            return await status("/desk/bot/") == 404

        try:
            await eventually(made)
            await eventually(answers)
            async with session.post(f"{base}/desk/bot/api/v1/a%2Fb?x=1", data=b"body", headers=host) as answer:
                told = await answer.json()
            assert (told["path"], told["body"]) == ("/api/v1/a%2Fb?x=1", "body")
            assert told["X-Forwarded-Host"] == host["Host"]
            assert await status("/desk/bots") == 404
            async with session.ws_connect(f"{base}/desk/bot/ws", headers=host) as channel:
                await channel.send_str("hello")
                assert (await channel.receive(timeout=5)).data == "/ws:hello"
            await cluster.client.delete(HTTP_ROUTES, cluster.namespace, "bot")
            await eventually(gone)
        finally:
            await cluster.client.delete(CRDS, "", crd["metadata"]["name"])


async def test_without_a_ready_pod_it_says_so(served: tuple[LocalCluster, int, str]) -> None:
    cluster, port, host = served
    status = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    await cluster.client.patch(PODS, cluster.namespace, "bot", status, subresource="status")
    async with aiohttp.ClientSession() as session:

        async def refused() -> bool:
            async with session.get(f"http://127.0.0.1:{port}/", headers={"Host": host}) as answer:
                return answer.status == 503 and "is ready" in await answer.text()

        await eventually(refused)
