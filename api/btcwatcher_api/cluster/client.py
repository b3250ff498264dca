"""The API's connection to Kubernetes for single requests, and the custom resources of one kind through it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from btcwatcher_api.cluster.connection import SECONDS, api_client
from btcwatcher_api.cluster.refusals import problem_of
from btcwatcher_crds.names import GROUP, VERSION

_PAGE: Final = 500
MANAGER: Final = "btcwatcher-api"
WRITE: Final[dict[str, Any]] = {"field_manager": MANAGER, "_request_timeout": SECONDS}
# A misspelt field is refused, not dropped without a word.
STRICT: Final[dict[str, Any]] = {**WRITE, "field_validation": "Strict"}

Object = dict[str, Any]
T = TypeVar("T")


class Cluster:
    """Connects when first used, and anew after the connection failed."""

    def __init__(self) -> None:
        self._stack = contextlib.AsyncExitStack()
        self._client: client.ApiClient | None = None
        self._opening = asyncio.Lock()

    async def call(self, work: Callable[[client.ApiClient], Awaitable[T]]) -> T:
        """What `work` answers. Raises Problem for whatever Kubernetes refuses, and 503 while it is away."""
        connected: client.ApiClient | None = None
        try:
            connected = await self._connected()
            return await work(connected)
        except (ApiException, aiohttp.ClientError, TimeoutError, OSError, ConfigException) as error:
            if not isinstance(error, ApiException) or error.status == 401:
                self._forget(connected)
            raise problem_of(error) from error

    async def close(self) -> None:
        self._client = None
        await self._stack.aclose()

    def _forget(self, connected: client.ApiClient | None) -> None:
        """The next call reads anew where the cluster is, unless another call has done so already."""
        if self._client is connected:
            self._client = None

    async def _connected(self) -> client.ApiClient:
        async with self._opening:
            if self._client is None:
                await self._stack.aclose()
                self._stack = contextlib.AsyncExitStack()
                self._client = await self._stack.enter_async_context(api_client())
            return self._client


class CustomResources:
    """The custom resources of one kind. Every method raises Problem."""

    def __init__(self, cluster: Cluster, plural: str) -> None:
        self._cluster = cluster
        self._plural = plural

    async def get(self, namespace: str, name: str) -> Object:
        return await self._call(
            lambda api: api.get_namespaced_custom_object(
                GROUP, VERSION, namespace, self._plural, name, _request_timeout=SECONDS
            )
        )

    async def list(self, namespace: str | None = None) -> list[Object]:
        """All of a namespace, or of the cluster."""
        found: list[Object] = []
        token: str | None = None
        while True:
            page = await self._call(partial(self._page, namespace=namespace, token=token))
            found += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return found

    async def _page(self, api: client.CustomObjectsApi, namespace: str | None, token: str | None) -> Object:
        options: dict[str, Any] = {"limit": _PAGE, "_request_timeout": SECONDS}
        if token is not None:
            options["_continue"] = token
        if namespace is None:
            page = await api.list_cluster_custom_object(GROUP, VERSION, self._plural, **options)
        else:
            page = await api.list_namespaced_custom_object(GROUP, VERSION, namespace, self._plural, **options)
        found: Object = page
        return found

    async def create(self, namespace: str, manifest: Object) -> Object:
        return await self._call(
            lambda api: api.create_namespaced_custom_object(GROUP, VERSION, namespace, self._plural, manifest, **STRICT)
        )

    async def replace(self, namespace: str, name: str, manifest: Object) -> Object:
        """Replace what has the manifest's resourceVersion; anything newer is a Problem 409."""
        return await self._call(
            lambda api: api.replace_namespaced_custom_object(
                GROUP, VERSION, namespace, self._plural, name, manifest, **STRICT
            )
        )

    async def merge(self, namespace: str, name: str, patch: Object) -> Object:
        """Apply a JSON merge patch."""
        return await self._call(
            lambda api: api.patch_namespaced_custom_object(
                GROUP,
                VERSION,
                namespace,
                self._plural,
                name,
                patch,
                _content_type="application/merge-patch+json",
                **STRICT,
            )
        )

    async def delete(self, namespace: str, name: str, resource_version: str | None) -> None:
        """With a `resource_version`, only if it still has it; otherwise Problem 409."""
        preconditions = {"resourceVersion": resource_version} if resource_version else {}
        await self._call(
            lambda api: api.delete_namespaced_custom_object(
                GROUP,
                VERSION,
                namespace,
                self._plural,
                name,
                body={"propagationPolicy": "Background", "preconditions": preconditions},
                _request_timeout=SECONDS,
            )
        )

    async def _call(self, work: Callable[[client.CustomObjectsApi], Awaitable[Object]]) -> Object:
        return await self._cluster.call(lambda connected: work(client.CustomObjectsApi(connected)))
