"""Reads nodes and pods, at most once in ten seconds however many ask: with 999 bots a list of pods is megabytes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import aiohttp
import msgspec
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api.cluster.capacity import Object, Picture, picture
from btcwatcher_api.cluster.client import SECONDS, Cluster

_KEPT_SECONDS: Final = 10.0
_PAGE: Final = 500
_RUNNING_ONES: Final = "status.phase!=Succeeded,status.phase!=Failed"


class Machines:
    """The picture that /system and /monitoring show."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._kept: Picture | None = None
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def picture(self) -> Picture:
        """Not older than ten seconds. Raises Problem."""
        async with self._reading:
            if self._kept is None or self._clock() >= self._until:
                self._kept = await self._cluster.call(_read)
                self._until = self._clock() + _KEPT_SECONDS
            return self._kept


async def _read(connected: client.ApiClient) -> Picture:
    api = client.CoreV1Api(connected)
    nodes = [node async for node in _listed(api.list_node_without_preload_content)]
    pods = [
        pod
        async for pod in _listed(api.list_pod_for_all_namespaces_without_preload_content, field_selector=_RUNNING_ONES)
    ]
    return picture(nodes, pods)


async def _listed(ask: Callable[..., Awaitable[aiohttp.ClientResponse]], **options: Any) -> AsyncIterator[Object]:
    """All pages, decoded as they are: the client's models cost twenty times as much."""
    token: str | None = None
    while True:
        more = {"_continue": token} if token else {}
        answer = await ask(limit=_PAGE, _request_timeout=SECONDS, **options, **more)
        body = await answer.read()
        if answer.status >= 400:
            error = ApiException(status=answer.status, reason=answer.reason)
            error.body = body.decode(errors="replace")
            raise error
        page = msgspec.json.decode(body)
        for item in page.get("items") or ():
            yield item
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return
