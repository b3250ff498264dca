"""The verbs of the Kubernetes API over one aiohttp session."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import msgspec

from btcwatcher_local.client.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from btcwatcher_local.client.config import Connection
    from btcwatcher_local.client.resources import Obj, Resource

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

# A server that cannot strip objects to their metadata sends them whole, which serves as well.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)
_WATCH_SECONDS = 300


class Client:
    """One API server. Every verb raises `ApiError` on a refusal and `aiohttp.ClientError` on a broken wire."""

    def __init__(self, connection: Connection, user_agent: str) -> None:
        self.connection = connection
        headers = {"User-Agent": user_agent, "Accept": "application/json"}
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            # Every watch holds a connection of its own, so the pool must not be bounded.
            connector=aiohttp.TCPConnector(limit=0, ssl=connection.tls or True),
            timeout=_REQUEST_TIMEOUT,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str | None = None,
    ) -> Any:
        """One request; the decoded JSON answer."""
        headers = {"Accept": accept} if accept else {}
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            headers["Content-Type"] = content_type
        async with self._session.request(
            method, self.connection.server + path, params=params, data=data, headers=headers
        ) as response:
            raw = await response.read()
            try:
                decoded = msgspec.json.decode(raw) if raw else None
            except msgspec.DecodeError:
                decoded = raw.decode(errors="replace")
            if response.status >= 400:
                raise ApiError.from_status(response.status, decoded)
            return decoded

    async def get(self, resource: Resource, namespace: str, name: str) -> Obj:
        found: Obj = await self.request("GET", resource.path(namespace, name))
        return found

    async def get_or_none(self, resource: Resource, namespace: str, name: str) -> Obj | None:
        try:
            return await self.get(resource, namespace, name)
        except ApiError as error:
            if error.not_found:
                return None
            raise

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        accept: str | None = None,
    ) -> tuple[list[Obj], str]:
        """All objects, fetched in pages of 500, and the resourceVersion to watch from."""
        params = {"limit": "500"}
        if label_selector:
            params["labelSelector"] = label_selector
        if field_selector:
            params["fieldSelector"] = field_selector
        items: list[Obj] = []
        while True:
            page = await self.request("GET", resource.path(namespace), params=params, accept=accept)
            items += page.get("items") or []
            token = page["metadata"].get("continue")
            if not token:
                return items, str(page["metadata"].get("resourceVersion") or "")
            params["continue"] = token

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        accept: str | None = None,
    ) -> AsyncIterator[tuple[str, Obj]]:
        """Yield (ADDED|MODIFIED|DELETED|BOOKMARK, object) until the server ends the stream.

        Raises ApiError for an ERROR event, `gone` among them.
        """
        seconds = int(_WATCH_SECONDS * (1 + random.random()))  # noqa: S311 - jitter, no secret
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        if label_selector:
            params["labelSelector"] = label_selector
        if field_selector:
            params["fieldSelector"] = field_selector
        async with self._session.get(
            self.connection.server + resource.path(namespace),
            params=params,
            headers={"Accept": accept} if accept else {},
            timeout=aiohttp.ClientTimeout(total=None, connect=10, sock_read=seconds + 30),
        ) as response:
            if response.status >= 400:
                raw = await response.read()
                try:
                    decoded = msgspec.json.decode(raw)
                except msgspec.DecodeError:
                    decoded = raw.decode(errors="replace")
                raise ApiError.from_status(response.status, decoded)
            async for line in _lines(response.content):
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise ApiError.from_status(500, event["object"])
                yield event["type"], event["object"]

    async def create(self, resource: Resource, obj: Obj, *, namespace: str = "") -> Obj:
        where = namespace or str((obj.get("metadata") or {}).get("namespace") or "")
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        made: Obj = await self.request("POST", resource.path(where), body=body)
        return made

    async def replace(self, resource: Resource, obj: Obj, *, subresource: str = "") -> Obj:
        metadata = obj["metadata"]
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        path = resource.path(metadata.get("namespace") or "", metadata["name"], subresource)
        made: Obj = await self.request("PUT", path, body=body)
        return made

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Any,
        *,
        subresource: str = "",
        content_type: str = MERGE,
    ) -> Obj:
        """Merge patch by default. Put uid or resourceVersion into its metadata as a precondition."""
        path = resource.path(namespace, name, subresource)
        made: Obj = await self.request("PATCH", path, body=patch, content_type=content_type)
        return made

    async def create_subresource(
        self, resource: Resource, namespace: str, name: str, subresource: str, body: Obj
    ) -> Any:
        return await self.request("POST", resource.path(namespace, name, subresource), body=body)

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        grace_seconds: int | None = None,
        propagation: str | None = None,
    ) -> bool:
        """Delete; False when it was not there (or is another object of that name now)."""
        options: Obj = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if propagation:
            options["propagationPolicy"] = propagation
        try:
            await self.request("DELETE", resource.path(namespace, name), body=options)
        except ApiError as error:
            if error.not_found or (uid and error.conflict):
                return False
            raise
        return True


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split a stream at newlines without aiohttp's limit on the length of a line."""
    rest = bytearray()
    async for chunk in stream.iter_any():
        rest += chunk
        if b"\n" not in chunk:
            continue
        *whole, last = bytes(rest).split(b"\n")
        rest = bytearray(last)
        for line in whole:
            if line.strip():
                yield line
        await asyncio.sleep(0)
