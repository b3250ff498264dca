"""Reading and changing single Strategies in Kubernetes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from btcwatcher_api.strategies.connection import custom_objects
from btcwatcher_api.strategies.refusals import problem_of
from btcwatcher_crds.names import GROUP, STRATEGY_PLURAL, VERSION

_SECONDS: Final = 10.0
_MANAGER: Final = "btcwatcher-api"
_WRITE: Final[dict[str, Any]] = {"field_manager": _MANAGER, "_request_timeout": _SECONDS}
# A misspelt field is refused, not dropped without a word.
_STRICT: Final[dict[str, Any]] = {**_WRITE, "field_validation": "Strict"}

Object = dict[str, Any]


class StrategyClient:
    """Connects when first used, and anew after the connection failed. Every method raises Problem."""

    def __init__(self) -> None:
        self._stack = contextlib.AsyncExitStack()
        self._api: client.CustomObjectsApi | None = None
        self._opening = asyncio.Lock()

    async def get(self, namespace: str, name: str) -> Object:
        return await self._call(
            lambda api: api.get_namespaced_custom_object(
                GROUP, VERSION, namespace, STRATEGY_PLURAL, name, _request_timeout=_SECONDS
            )
        )

    async def create(self, namespace: str, manifest: Object) -> Object:
        return await self._call(
            lambda api: api.create_namespaced_custom_object(
                GROUP, VERSION, namespace, STRATEGY_PLURAL, manifest, **_STRICT
            )
        )

    async def replace(self, namespace: str, name: str, manifest: Object) -> Object:
        """Replace what has the manifest's resourceVersion; anything newer is a Problem 409."""
        return await self._call(
            lambda api: api.replace_namespaced_custom_object(
                GROUP, VERSION, namespace, STRATEGY_PLURAL, name, manifest, **_STRICT
            )
        )

    async def merge(self, namespace: str, name: str, patch: Object) -> Object:
        """Apply a JSON merge patch."""
        return await self._call(
            lambda api: api.patch_namespaced_custom_object(
                GROUP,
                VERSION,
                namespace,
                STRATEGY_PLURAL,
                name,
                patch,
                _content_type="application/merge-patch+json",
                **_STRICT,
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
                STRATEGY_PLURAL,
                name,
                body={"propagationPolicy": "Background", "preconditions": preconditions},
                _request_timeout=_SECONDS,
            )
        )

    async def close(self) -> None:
        self._api = None
        await self._stack.aclose()

    async def _call(self, work: Callable[[client.CustomObjectsApi], Awaitable[Any]]) -> Object:
        api: client.CustomObjectsApi | None = None
        try:
            api = await self._connected()
            answer: Object = await work(api)
        except (ApiException, aiohttp.ClientError, TimeoutError, OSError, ConfigException) as error:
            if not isinstance(error, ApiException) or error.status == 401:
                self._forget(api)
            raise problem_of(error) from error
        return answer

    def _forget(self, api: client.CustomObjectsApi | None) -> None:
        """The next call reads anew where the cluster is, unless another call has done so already."""
        if self._api is api:
            self._api = None

    async def _connected(self) -> client.CustomObjectsApi:
        async with self._opening:
            if self._api is None:
                await self._stack.aclose()
                self._stack = contextlib.AsyncExitStack()
                self._api = await self._stack.enter_async_context(custom_objects())
            return self._api
