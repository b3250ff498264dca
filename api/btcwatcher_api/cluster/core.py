"""Single requests about Kubernetes' own kinds (Secrets, ConfigMaps, pods, Leases), as plain objects.

Not by the library's CoreV1Api: with it come models of all that Kubernetes has, more than a second of a core and tens of
megabytes for each process, while somebody waits for the answer to its first request.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api.cluster.connection import SECONDS

MERGE: Final = "application/merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"
_PAGE: Final = 500

Object = dict[str, Any]


def path(*parts: str, api: str = "/api/v1") -> str:
    """As in `path("namespaces", "desk", "secrets", "telegram")`."""
    return "/".join((api, *(quote(part, safe="") for part in parts)))


async def request(
    connected: client.ApiClient,
    method: str,
    where: str,
    *,
    query: Mapping[str, str | int] | None = None,
    body: Object | None = None,
    content_type: str = "application/json",
) -> Object:
    """What the answer holds. Raises ApiException, aiohttp's ClientError and TimeoutError."""
    answer = await _ask(
        connected, method, where, query, SECONDS, body=body, accept="application/json", content_type=content_type
    )
    found: Object = msgspec.json.decode(await answer.read())
    return found


async def opened(
    connected: client.ApiClient, where: str, query: Mapping[str, str | int], seconds: float
) -> aiohttp.ClientResponse:
    """An answer whose content is read as it comes, for `seconds` at most; close it. Raises as `request` does."""
    return await _ask(connected, "GET", where, query, seconds, accept="application/json, */*")


async def _ask(
    connected: client.ApiClient,
    method: str,
    where: str,
    query: Mapping[str, str | int] | None,
    seconds: float,
    *,
    accept: str,
    body: Object | None = None,
    content_type: str = "application/json",
) -> aiohttp.ClientResponse:
    parameters = await connected.param_serialize(
        method=method,
        resource_path=where,
        query_params=list((query or {}).items()),
        header_params={"Accept": accept, "Content-Type": content_type},
        body=body,
        auth_settings=["BearerToken"],
    )
    answer = (await connected.call_api(*parameters, _request_timeout=seconds)).response
    if answer.status >= 400:
        error = ApiException(status=answer.status, reason=answer.reason)
        error.body = (await answer.read()).decode(errors="replace")
        raise error
    found: aiohttp.ClientResponse = answer
    return found


async def listed(connected: client.ApiClient, where: str, **query: str) -> AsyncIterator[Object]:
    """All of a list, page by page. Raises as `request` does."""
    token: str | None = None
    while True:
        more = {"continue": token} if token else {}
        page = await request(connected, "GET", where, query={"limit": _PAGE, **query, **more})
        for item in page.get("items") or ():
            yield item
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return
