"""One pool of HTTP connections for all vendors of a process, and answers that are read to a bound."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import httpx

from btcwatcher_api.notifications.senders import tls
from btcwatcher_api.notifications.senders.faults import NotSent
from btcwatcher_crds.conditions import ChannelReason

ANSWER_BYTES_MAX: Final = 64 * 1024
"""More of an answer is not read: vendors say what they have to say in less than one kilobyte."""

# They tell of every request with its URL and headers, and the URLs of Telegram, WeCom and Feishu are the credentials.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str
    fields: Mapping[str, Any] | None
    """The answer's JSON object, if it is one."""


async def post(url: str, body: Mapping[str, Any], timeout: float) -> Answer:
    """POST as JSON. Redirects are not followed: they would carry the credentials elsewhere.

    To connect may take half the time, so that a vendor out of reach is told from one that does not answer.
    """
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Accept-Encoding": "identity"}
    limits = httpx.Timeout(timeout, connect=timeout / 2)
    try:
        if not 0 < (httpx.URL(url).port or 80) < 65536:
            raise httpx.InvalidURL("no such port")
        async with _client().stream("POST", url, content=content, headers=headers, timeout=limits) as response:
            return await _read(response)
    except httpx.ConnectTimeout:
        raise NotSent(ChannelReason.UNREACHABLE, f"no connection within {timeout / 2:g} s") from None
    except httpx.TimeoutException:
        raise NotSent(ChannelReason.TIMEOUT, f"no answer within {timeout:g} s") from None
    except httpx.UnsupportedProtocol:
        raise NotSent(ChannelReason.SPEC_INVALID, "spec.endpoint must be http:// or https://") from None
    except (httpx.TransportError, OSError) as error:
        raise NotSent(ChannelReason.UNREACHABLE, f"{type(error).__name__}: {error}") from None
    except (httpx.InvalidURL, ValueError, OverflowError):
        raise NotSent(ChannelReason.SPEC_INVALID, "spec.endpoint is not a URL that can be called") from None


async def close() -> None:
    """Close the pool of the running loop, at the end of the process."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


def _client() -> httpx.AsyncClient:
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        # How many messages are under way at once is for the worker to say.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30)
        client = _clients[loop] = httpx.AsyncClient(verify=tls.context(), limits=limits, follow_redirects=False)
    return client


async def _read(response: httpx.Response) -> Answer:
    chunks = bytearray()
    async for chunk in response.aiter_raw():
        chunks += chunk
        if len(chunks) > ANSWER_BYTES_MAX:
            break
    text = bytes(chunks[:ANSWER_BYTES_MAX]).decode("utf-8", "replace")
    try:
        fields = json.loads(text) if len(chunks) <= ANSWER_BYTES_MAX else None
    except (ValueError, RecursionError):
        fields = None
    return Answer(
        status=response.status_code,
        headers=response.headers,
        text=text,
        fields=fields if isinstance(fields, dict) else None,
    )
