"""One pool of HTTP connections for all vendors of a process, and answers that are read to a bound."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.request import getproxies_environment
from weakref import WeakKeyDictionary

import aiohttp

from btcwatcher_api.notifications.senders import networks, tls
from btcwatcher_api.notifications.senders.faults import NotSent
from btcwatcher_crds.conditions import ChannelReason

ANSWER_BYTES_MAX: Final = 64 * 1024
"""More of an answer is not read: vendors say what they have to say in less than one kilobyte."""

_HEADERS: Final = {"Content-Type": "application/json; charset=utf-8", "Accept-Encoding": "identity"}
_KEEP_SECONDS: Final = 30.0

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


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
    limits = aiohttp.ClientTimeout(total=timeout, connect=timeout / 2)
    try:
        async with _session().post(
            url, data=content, headers=_HEADERS, timeout=limits, allow_redirects=False
        ) as response:
            return await _read(response)
    except aiohttp.ConnectionTimeoutError:
        raise NotSent(ChannelReason.UNREACHABLE, f"no connection within {timeout / 2:g} s") from None
    except TimeoutError:
        raise NotSent(ChannelReason.TIMEOUT, f"no answer within {timeout:g} s") from None
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, networks.Forbidden):
            raise NotSent(ChannelReason.SPEC_INVALID, f"spec.endpoint {error.os_error.strerror}") from None
        raise NotSent(ChannelReason.UNREACHABLE, f"{type(error).__name__}: {error}") from None
    except aiohttp.NonHttpUrlClientError:
        raise NotSent(ChannelReason.SPEC_INVALID, "spec.endpoint must be http:// or https://") from None
    except aiohttp.ClientResponseError as error:
        # It tells the whole URL, of which only this is news.
        raise NotSent(ChannelReason.UNREACHABLE, f"{type(error).__name__}: {error.message}") from None
    except (aiohttp.InvalidURL, ValueError, OverflowError):
        raise NotSent(ChannelReason.SPEC_INVALID, "spec.endpoint is not a URL that can be called") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NotSent(ChannelReason.UNREACHABLE, f"{type(error).__name__}: {error}") from None


async def close() -> None:
    """Close the pool of the running loop, at the end of the process."""
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()


def _session() -> aiohttp.ClientSession:
    loop = asyncio.get_running_loop()
    session = _sessions.get(loop)
    if session is None:
        # How many messages are under way at once is for the worker to say.
        connector = aiohttp.TCPConnector(
            ssl=tls.context(), limit=0, keepalive_timeout=_KEEP_SECONDS, socket_factory=networks.open_socket
        )
        session = _sessions[loop] = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # It looks at the environment for each request: only where a proxy is set there.
            trust_env=bool(getproxies_environment()),
        )
    return session


async def _read(response: aiohttp.ClientResponse) -> Answer:
    chunks = bytearray()
    async for chunk in response.content.iter_any():
        chunks += chunk
        if len(chunks) > ANSWER_BYTES_MAX:
            break
    text = bytes(chunks[:ANSWER_BYTES_MAX]).decode("utf-8", "replace")
    try:
        fields = json.loads(text) if len(chunks) <= ANSWER_BYTES_MAX else None
    except (ValueError, RecursionError):
        fields = None
    return Answer(
        status=response.status,
        headers=response.headers,
        text=text,
        fields=fields if isinstance(fields, dict) else None,
    )
