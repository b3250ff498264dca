"""Calls to the exchanges: the bytes as they come, through the proxy where there is one."""

import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from yarl import URL

from btcwatcher_api.market.questions import Args

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of an answer that is kept; Binance's largest has about 20."""
_GZIP: Final = 31
"""zlib's way to say: with gzip's header."""
_KEEP_ALIVE_SECONDS: Final = 30.0
_AGENT: Final = "btc-watcher"
_HOP_BY_HOP: Final = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_OURS: Final = frozenset(("host", "content-length", "forwarded", "via", "x-real-ip"))
"""Of a request: what says where it came from, or is made anew."""


class Away(Exception):  # noqa: N818 - it is a state, not a mistake
    """No answer: the exchange cannot be reached, or broke off. The text holds neither query nor headers."""


class TooLong(Away):
    """No answer in time."""


def session_for(proxy: str | None, timeout: float) -> aiohttp.ClientSession:
    """For one exchange. `timeout` is of a whole call, seconds."""
    connector: aiohttp.BaseConnector
    if proxy is not None and proxy.startswith("socks"):
        # Only who has such a proxy needs the library.
        from aiohttp_socks import ProxyConnector

        connector, proxy = ProxyConnector.from_url(proxy, limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS), None
    else:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(5.0, timeout)),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy,
    )


def asked_headers(told: Args) -> dict[str, str]:
    """Of a call for a public question."""
    return {"User-Agent": _AGENT, "Accept-Encoding": "gzip", "Accept": "*/*", **dict(told)}


@asynccontextmanager
async def call(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    method: str = "GET",
    body: bytes | None = None,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Raises Away, also for what fails while the answer is read."""
    try:
        async with session.request(
            method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        ) as response:
            yield response
    except TimeoutError:
        raise TooLong("the exchange did not answer in time") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Their texts hold URLs.
        raise Away(f"the exchange cannot be reached ({type(error).__name__})") from None


async def whole_body(response: aiohttp.ClientResponse) -> bytes:
    """Raises Away."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Away(f"the answer is larger than {MOST_BYTES // 2**20} MiB")
    return bytes(body)


def unpacked(body: bytes, encoding: str) -> bytes:
    """Raises Away when it is not what it says."""
    if not encoding:
        return body
    try:
        return zlib.decompress(body, _GZIP)
    except zlib.error:
        raise Away("the answer is no gzip") from None


def lag_ms(date: str, now_ms: float) -> float:
    """How far our clock is behind the exchange's, at least, by an answer's Date, which has whole seconds."""
    try:
        said = parsedate_to_datetime(date).timestamp() * 1000 if date else 0.0
    except ValueError:
        return 0.0
    return max(0.0, said - now_ms)


def passed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Of a request or an answer: what goes on to the other side."""
    named = {part.strip().lower() for part in headers.get("connection", "").split(",")}
    return {
        name: value
        for name, value in headers.items()
        if (lower := name.lower()) not in _HOP_BY_HOP
        and lower not in _OURS
        and lower not in named
        and not lower.startswith("x-forwarded-")
    }
