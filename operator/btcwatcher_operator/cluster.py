"""The thin edge to the API server: a handful of verbs on plain objects."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    TCPConnector,
    TraceConfig,
    TraceRequestEndParams,
    TraceRequestExceptionParams,
)
from kubernetes.aio import client
from yarl import URL

from btcwatcher_crds import names
from btcwatcher_operator import credentials
from btcwatcher_operator.fence import Fence
from btcwatcher_operator.ownership import handed_over, trim
from btcwatcher_operator.resources import EVENT, Object, Resource, resource_of

LIST_CHUNK = 200
CONNECTIONS = 64

Answered = Callable[[str, str], None]
"""Told of a request's method and its answer's status code, or NO_ANSWER."""
NO_ANSWER: Final = "<error>"


class _ListMeta(msgspec.Struct):
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    """What is asked of a page before it is taken apart."""

    metadata: _ListMeta


_PAGE: Final = msgspec.json.Decoder(_Page)

METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class ClusterError(Exception):
    """The API server's refusal, in its own words."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds the server asks to wait, when it does."""

    @property
    def passes(self) -> bool:
        """Whether the same request can succeed later: the server is overloaded, away or lost the place in a list."""
        return self.status in (410, 429) or self.status >= 500


PASSING: Final = (OSError, TimeoutError, ClientError)
"""What a connection ends with that was cut, refused or left hanging."""


class Cluster:
    """Speaks to the API server of $KUBECONFIG or of the cluster it runs in. An async context manager."""

    def __init__(
        self, configuration: client.Configuration, session: ClientSession, request_timeout: float, fence: Fence
    ) -> None:
        self._configuration = configuration
        self._session = session
        self._timeout = ClientTimeout(total=request_timeout)
        self._fence = fence

    @classmethod
    async def connect(
        cls, request_timeout: float, fence: Fence, answered: Answered = lambda method, code: None
    ) -> Self:
        """`request_timeout` in seconds; nothing is written while `fence` is closed; `answered` is told each answer.

        Raises kubernetes' ConfigException when there is neither a kubeconfig nor a service account.
        """
        configuration = await credentials.configuration()
        # The library knows what the configuration says of certificates.
        context = client.ApiClient(configuration).rest_client.ssl_context
        # Not aiohttp's trust_env, which reads ~/.netrc and the variables of proxies anew for every request.
        configuration.proxy = configuration.proxy or _environment_proxy(configuration.host)
        session = ClientSession(
            connector=TCPConnector(limit=CONNECTIONS, ssl=context), trace_configs=[_telling(answered)]
        )
        return cls(configuration, session, request_timeout, fence)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """The object as the API server has it now, or None."""
        try:
            return await self._call("GET", resource.path(namespace, name))
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def exists(self, resource: Resource, namespace: str, name: str) -> bool:
        """Whether there is such an object; only its metadata is sent, so that a Secret's content stays where it is."""
        return await self._metadata(resource.path(namespace, name)) is not None

    async def pages(
        self, resource: Resource, selector: str = "", namespace: str | None = None, fields: str = ""
    ) -> AsyncIterator[tuple[list[Object], str]]:
        """What `list` gives, page by page, for those who keep little of each.

        The next page is on its way while the caller is at the one before.
        """
        path = resource.path(namespace)
        query = {"limit": str(LIST_CHUNK), "labelSelector": selector, "fieldSelector": fields}
        query = {key: value for key, value in query.items() if value}
        coming: asyncio.Task[bytes] | None = asyncio.create_task(self._answer("GET", path, query))
        try:
            while coming is not None:
                text = await coming
                # Without looking at the items: to ask for the next page before they are taken apart.
                token = _PAGE.decode(text).metadata.continue_
                coming = None
                if token:
                    coming = asyncio.create_task(self._answer("GET", path, {**query, "continue": token}))
                    # Lets it go out.
                    await asyncio.sleep(0)
                page: Object = msgspec.json.decode(text)
                del text
                for item in page["items"]:
                    # List items come without their type.
                    item.setdefault("apiVersion", resource.api_version)
                    item.setdefault("kind", resource.kind)
                    # Dropped before the next page comes: it is half of an object.
                    trim(item)
                yield page["items"], page["metadata"]["resourceVersion"]
        finally:
            if coming is not None:
                coming.cancel()

    async def list(
        self, resource: Resource, selector: str = "", namespace: str | None = None, fields: str = ""
    ) -> tuple[list[Object], str]:
        """All objects of a namespace, or of all, and the resourceVersion they were read at.

        ClusterError 410 when the server forgot the list before its last page: it has to be begun anew.
        """
        items: list[Object] = []
        version = ""
        async for page, at in self.pages(resource, selector, namespace, fields):
            items += page
            version = at
        return items, version

    async def create(self, obj: Object, *, fenced: bool = True) -> Object:
        """Makes the object where nothing has its name; ClusterError 409 where something has."""
        path = resource_of(obj).path(obj["metadata"].get("namespace"))
        return await self._call("POST", path, {"fieldManager": names.FIELD_MANAGER}, obj, fenced=fenced)

    async def replace(self, obj: Object, *, fenced: bool = True) -> Object:
        """PUT, under the object's resourceVersion; ClusterError 409 when there is a newer one."""
        metadata = obj["metadata"]
        path = resource_of(obj).path(metadata["namespace"], metadata["name"])
        return await self._call("PUT", path, {"fieldManager": names.FIELD_MANAGER}, obj, fenced=fenced)

    async def apply(self, obj: Object, *, status: bool = False) -> Object:
        """Server-side apply, taking over what others hold of our fields."""
        metadata = obj["metadata"]
        return await self._call(
            "PATCH",
            resource_of(obj).path(metadata.get("namespace"), metadata["name"], "status" if status else None),
            {"fieldManager": names.STATUS_FIELD_MANAGER if status else names.FIELD_MANAGER, "force": "true"},
            obj,
            content_type="application/apply-patch+yaml",
        )

    async def overwrite(self, obj: Object) -> Object:
        """Writes the object's fields over what is there, its lists as a whole; fields that it has not stay."""
        metadata = obj["metadata"]
        return await self._call(
            "PATCH",
            resource_of(obj).path(metadata["namespace"], metadata["name"]),
            {"fieldManager": names.FIELD_MANAGER},
            obj,
            content_type="application/merge-patch+json",
        )

    async def hand_over(self, obj: Object) -> Object:
        """Has our apply hold what our POST holds of the object; nothing else of it changes. The object then."""
        metadata = obj["metadata"]
        path = resource_of(obj).path(metadata["namespace"], metadata["name"])
        live = (await self._call("GET", path))["metadata"]
        change = [
            {"op": "replace", "path": "/metadata/managedFields", "value": handed_over(live["managedFields"])},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["resourceVersion"]},
        ]
        return await self._call(
            "PATCH", path, {"fieldManager": names.FIELD_MANAGER}, change, content_type="application/json-patch+json"
        )

    async def delete(self, obj: Object, *, orphan: bool = False) -> None:
        """Deletes just this object (by uid); one that is gone already is no error."""
        metadata = obj["metadata"]
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": metadata["uid"]},
            "propagationPolicy": "Orphan" if orphan else "Background",
        }
        path = resource_of(obj).path(metadata["namespace"], metadata["name"])
        try:
            await self._call("DELETE", path, body=options)
        except ClusterError as error:
            # 409: the name belongs to another object by now, or somebody was at this one at the same time.
            if error.status == 409:
                there = await self._metadata(path)
                if there is None or there["uid"] != metadata["uid"]:
                    return
            if error.status != 404:
                raise

    async def create_event(self, event: Object) -> None:
        await self._call("POST", EVENT.path(event["metadata"]["namespace"]), body=event)

    async def _metadata(self, path: str) -> Object | None:
        """Of an object, or None; nothing else of it is sent."""
        try:
            found: Object = (await self._call("GET", path, accept=METADATA_ONLY))["metadata"]
        except ClusterError as error:
            if error.status == 404:
                return None
            raise
        return found

    async def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Object | Sequence[Object] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        *,
        fenced: bool = True,
    ) -> Object:
        text = await self._answer(method, path, query, body, content_type, accept, fenced=fenced)
        parsed: Object = msgspec.json.decode(text)
        return parsed

    async def _answer(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Object | Sequence[Object] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        *,
        fenced: bool = True,
    ) -> bytes:
        headers = {"Accept": accept, "Content-Type": content_type}
        # Not through the generated client: it copies every object value by value before it writes it down.
        if token := await credentials.header(self._configuration):
            headers["Authorization"] = token
        url = f"{self._configuration.host}{path}"
        if query:
            url = f"{url}?{urlencode(query)}"
        data = msgspec.json.encode(body) if body is not None else None
        if fenced and method != "GET":
            self._fence.check()
        async with self._session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=data,
            timeout=self._timeout,
            proxy=self._configuration.proxy,
            server_hostname=self._configuration.tls_server_name,
        ) as response:
            text = await response.read()
        if response.status >= 400:
            raise _error(response.status, text, response.headers.get("Retry-After"))
        return text


def _telling(answered: Answered) -> TraceConfig:
    """Tells of every request's end, whether an answer came or not."""

    async def ended(_: ClientSession, __: object, seen: TraceRequestEndParams) -> None:
        answered(seen.method, str(seen.response.status))

    async def failed(_: ClientSession, __: object, seen: TraceRequestExceptionParams) -> None:
        answered(seen.method, NO_ANSWER)

    trace = TraceConfig()
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(failed)
    return trace


def _environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for the URL (HTTPS_PROXY, NO_PROXY and their like)."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _error(status: int, text: bytes, retry_after: str | None) -> ClusterError:
    try:
        body: Any = msgspec.json.decode(text)
        reason, message = str(body["reason"]), str(body["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        reason, message = "Unknown", text.decode(errors="replace")[:500]
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
    return ClusterError(status, reason, message, seconds)
