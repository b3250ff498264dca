"""The client libraries of the operator: kopf with everything it does, and kubernetes.aio."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import kopf
import pytest
from kubernetes import aio

from support.widgets import GROUP_VERSION

if TYPE_CHECKING:
    from support.apiservers import ApiServer
    from support.widgets import Widgets

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

GROUP, VERSION = GROUP_VERSION.split("/")


async def until(check: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.05)


async def test_kopf(api_server: ApiServer, widgets: Widgets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discovery, list, watch, finalizer and annotation patches, status, events, deletion."""
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig))
    registry = kopf.OperatorRegistry()
    seen: list[tuple[str, str]] = []
    deleted: list[str] = []

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> Any:
        return kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(GROUP, VERSION, "widgets", registry=registry)
    def note(event: Any, name: str, **_: Any) -> None:
        seen.append((str(event["type"]), name))

    @kopf.on.create(GROUP, VERSION, "widgets", registry=registry)
    def created(body: Any, patch: Any, **_: Any) -> None:
        patch.status["replicas"] = 7
        kopf.info(body, reason="Seen", message="the widget was seen")

    @kopf.on.delete(GROUP, VERSION, "widgets", registry=registry)
    def gone(name: str, **_: Any) -> None:
        deleted.append(name)

    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = "conformance.btcwatcher.io/kopf"
    settings.watching.server_timeout = 5
    widgets.create("before")
    stop, ready = asyncio.Event(), asyncio.Event()
    operator = kopf.operator(
        registry=registry,
        settings=settings,
        namespaces=[widgets.namespace],
        standalone=True,
        stop_flag=stop,
        ready_flag=ready,
    )
    running = asyncio.create_task(operator)
    try:
        await asyncio.wait_for(ready.wait(), 20)
        await asyncio.to_thread(widgets.create, "after")
        for name in ("before", "after"):
            await until(lambda name=name: widgets.get(name).get("status", {}).get("replicas") == 7)
        path = f"/api/v1/namespaces/{widgets.namespace}/events"
        await until(lambda: any(e["reason"] == "Seen" for e in api_server.ok("GET", path)["items"]))
        await asyncio.to_thread(api_server.ok, "DELETE", f"{widgets.path}/after")
        await until(lambda: ("DELETED", "after") in seen)
        assert deleted == ["after"]
        assert any(name == "before" for _, name in seen)
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(running, 20)


async def test_kubernetes_aio(api_server: ApiServer, widgets: Widgets) -> None:
    """Typed objects, a dynamic patch and a watch, through the official client."""
    await aio.config.load_kube_config(config_file=str(api_server.kubeconfig))
    async with aio.client.ApiClient() as client:
        core = aio.client.CoreV1Api(client)
        body = aio.client.V1ConfigMap(metadata=aio.client.V1ObjectMeta(name="c"), data={"a": "b"})
        await core.create_namespaced_config_map(widgets.namespace, body)
        listed = await core.list_namespaced_config_map(widgets.namespace, field_selector="metadata.name=c")
        assert [c.data for c in listed.items] == [{"a": "b"}]
        with pytest.raises(aio.client.ApiException) as refused:
            await core.create_namespaced_config_map(widgets.namespace, body)
        assert refused.value.status == 409
        custom = aio.client.CustomObjectsApi(client)
        await custom.create_namespaced_custom_object(GROUP, VERSION, widgets.namespace, "widgets", widgets.new("a"))
        await custom.patch_namespaced_custom_object(
            GROUP, VERSION, widgets.namespace, "widgets", "a", {"spec": {"size": 2}},
            _content_type="application/merge-patch+json",
        )  # fmt: skip
        assert widgets.get("a")["spec"]["size"] == 2
        threading.Timer(0.3, lambda: widgets.create("b")).start()
        events = []
        async with aio.watch.Watch() as watch:
            stream = watch.stream(
                custom.list_namespaced_custom_object, GROUP, VERSION, widgets.namespace, "widgets", timeout_seconds=2
            )
            async for event in stream:
                events.append((event["type"], event["object"]["metadata"]["name"]))
        assert events == [("ADDED", "a"), ("ADDED", "b")]
