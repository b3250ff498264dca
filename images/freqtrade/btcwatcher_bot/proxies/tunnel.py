"""The edge to a proxy: opens a connection to a destination through it."""

import asyncio
import ssl
from functools import cache

from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError, ProxyType
from python_socks.async_.asyncio.v2 import Proxy

from btcwatcher_bot.proxies.health import Fault
from btcwatcher_bot.proxies.upstream import Upstream

CONNECT_SECONDS = 4.0
"""How long a proxy may take. ccxt gives a request 10 s: enough for a second try through the next one."""

STRAIGHT_SECONDS = 3.0
"""How long a connection without a proxy may take: there may be another one to try within ccxt's 10 s."""

_TYPES = {"http": ProxyType.HTTP, "socks5": ProxyType.SOCKS5}
_PROXY_AUTHENTICATION_REQUIRED = 407
_LOGIN_WORDS = ("authentication",)
_CLOSED_WORDS = ("connection closed", "invalid proxy response")
"""What python-socks says of a SOCKS proxy, and of an HTTP proxy, that closed the connection without an answer."""


class TunnelError(Exception):
    """No connection. Carries the fault and none of the proxy's or the library's words: they can quote a URL."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


async def open_tunnel(
    upstream: Upstream, host: str, port: int, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the destination, with `context` as TLS. Raises TunnelError.

    The proxy resolves the host name: asking a name server here would tell it of the exchange.
    """
    proxy = Proxy(_TYPES[upstream.kind], upstream.host, upstream.port, upstream.username, upstream.password, rdns=True)
    try:
        stream = await proxy.connect(host, port, context, CONNECT_SECONDS)
    except ProxyTimeoutError:
        raise TunnelError(Fault.TIMEOUT) from None
    except ProxyConnectionError:
        raise TunnelError(Fault.UNREACHABLE) from None
    except ProxyError as error:
        raise TunnelError(_fault(error)) from None
    except ssl.SSLError as error:
        # Any answer that is no end came from the destination; whose certificate it is, the bot itself judges.
        raise TunnelError(Fault.SILENT if isinstance(error, ssl.SSLEOFError) else Fault.NOT_TRUSTED) from None
    except (OSError, EOFError):
        # In the middle of the handshake.
        raise TunnelError(Fault.BROKEN_OFF) from None
    except Exception:
        # Nonsense in an answer, a password that cannot be encoded.
        raise TunnelError(Fault.BROKEN) from None
    return stream.reader, stream.writer


async def open_straight(
    host: str, port: int, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection without a proxy, with `context` as TLS. Raises OSError, of which TimeoutError is one."""
    async with asyncio.timeout(STRAIGHT_SECONDS):
        return await asyncio.open_connection(host, port, ssl=context)


async def passes(upstream: Upstream, host: str, port: int, tls: bool) -> Fault | None:
    """Whether something comes back from the destination through the proxy: None, or what is wrong."""
    try:
        _, writer = await open_tunnel(upstream, host, port, trust() if tls else None)
    except TunnelError as error:
        return None if error.fault is Fault.NOT_TRUSTED else error.fault
    writer.close()
    return None


@cache
def trust() -> ssl.SSLContext:
    """The authorities that the system trusts."""
    return ssl.create_default_context()


def _fault(error: ProxyError) -> Fault:
    if error.error_code == _PROXY_AUTHENTICATION_REQUIRED:
        return Fault.LOGIN_REFUSED
    if error.error_code is not None:
        return Fault.DESTINATION
    said = str(error).lower()
    if any(word in said for word in _LOGIN_WORDS):
        return Fault.LOGIN_REFUSED
    return Fault.BROKEN_OFF if any(word in said for word in _CLOSED_WORDS) else Fault.BROKEN
