"""Pod logs: asked of the node that runs the pod, and passed on as they come."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from . import errors, lifecycle
from .objects import get_path

if TYPE_CHECKING:
    from .context import Api
    from .lifecycle import Target
    from .objects import JsonObject

_PASSED_ON = ("follow", "tailLines", "timestamps", "previous", "sinceSeconds", "sinceTime", "limitBytes")


def container_of(pod: JsonObject, wanted: str) -> str:
    """The container whose log is meant; 400 when that is not clear."""
    name = pod["metadata"]["name"]
    spec = pod.get("spec") or {}
    ordinary = [c["name"] for c in spec.get("containers") or []]
    early = [c["name"] for c in spec.get("initContainers") or []]
    if wanted:
        if wanted not in ordinary + early:
            raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(ordinary) == 1:
        return str(ordinary[0])
    listed = f"[{' '.join(ordinary)}]"
    if early:
        listed += f" or one of the init containers: [{' '.join(early)}]"
    raise errors.bad_request(f"a container name must be specified for pod {name}, choose one of: {listed}")


def node_url(api: Api, pod: JsonObject) -> str | None:
    """Base URL of the agent on the pod's node, None while it has none; 500 when the node does not say where it is."""
    name, node_name = pod["metadata"]["name"], get_path(pod, "spec", "nodeName")
    if not node_name:
        return None
    nodes = api.registry.find("", "v1", "nodes")
    stored = api.collection(nodes).get("", node_name) if nodes else None
    if stored is None:
        raise errors.internal(f'the node "{node_name}" of pod {name} is not registered')
    addresses: list[Any] = get_path(stored.obj, "status", "addresses") or []
    address = next((a["address"] for a in addresses if a.get("type") == "InternalIP"), None)
    port = get_path(stored.obj, "status", "daemonEndpoints", "kubeletEndpoint", "Port")
    if not address or not port:
        raise errors.internal(f'the node "{node_name}" does not say where its agent listens')
    return f"http://{address}:{port}"


async def stream(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    """The log of one container as plain text."""
    pod = lifecycle.read(api, target).obj
    container = container_of(pod, request.query.get("container", ""))
    status = get_path(pod, "status", "phase")
    base = node_url(api, pod)
    if base is None:  # nothing ran, nothing was said
        return web.Response(text="")
    url = f"{base}/containerLogs/{target.namespace}/{target.name}/{container}"
    query = {k: request.query[k] for k in _PASSED_ON if k in request.query}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    headers = {"Authorization": f"Bearer {api.token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(url, params=query) as answer,
        ):
            if answer.status != 200:
                text = (await answer.text()).strip()
                raise errors.StatusError(
                    answer.status, _reason(answer.status), text or f"the node answered {answer.status}"
                )
            response = web.StreamResponse(headers={"Content-Type": "text/plain"})
            await response.prepare(request)
            # Who follows a log usually ends it by hanging up.
            with contextlib.suppress(ConnectionResetError):
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response
    except aiohttp.ClientConnectionError as error:
        raise errors.internal(f"Get {url!r}: the node agent cannot be reached (pod is {status}): {error}") from None


def _reason(code: int) -> str:
    return {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}.get(code, "InternalError")
