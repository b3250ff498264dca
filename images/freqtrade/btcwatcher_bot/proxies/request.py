"""The head of what ccxt asks of its proxy: CONNECT for TLS, a whole URL for plain HTTP and websockets."""

from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_HEAD = 65536
_PLAIN_PORTS = {"http": 80, "ws": 80}
_HOP_BY_HOP = {b"proxy-connection", b"proxy-authorization", b"connection", b"keep-alive"}


class RequestError(Exception):
    """No request that a proxy could carry out."""


@dataclass(frozen=True, slots=True)
class Request:
    host: str
    port: int
    tls: bool
    """Whether the client itself speaks TLS through the connection."""
    forward: bytes
    """What is sent to the destination first; empty where the client is to begin."""
    url: str = ""
    """What a whole URL asks for; empty where the client begins."""
    secure: bool = False
    """Whether the forwarder is to speak TLS to the destination, for the client asked for an http:// URL."""


def parse(head: bytes) -> Request:
    """Read a head, its empty line included. Raises RequestError."""
    first, *lines = head.split(b"\r\n")
    try:
        method, target, version = first.decode("ascii").split(" ")
        if method == "CONNECT":
            parts = urlsplit(f"//{target}")
            if not parts.hostname or not parts.port:
                raise RequestError("CONNECT wants host:port")
            return Request(parts.hostname, parts.port, True, b"")
        parts = urlsplit(target)
        port = parts.port or _PLAIN_PORTS.get(parts.scheme)
    except ValueError:
        raise RequestError("the request line cannot be read") from None
    if not parts.hostname or port is None or parts.scheme not in _PLAIN_PORTS:
        raise RequestError("a request of a proxy names an http:// URL")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    origin = f"{method} {path} {version}".encode("ascii")
    return Request(parts.hostname, port, False, b"\r\n".join([origin, *_headers(lines), b"", b""]), target)


def readdressed(request: Request, url: str) -> Request:
    """The same request of a whole URL, to another one. Raises RequestError."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise RequestError("the address of the exchange cannot be read") from None
    first, *lines = request.forward.split(b"\r\n")
    method, _, version = first.split(b" ")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() != b"host"]
    head = b" ".join([method, path.encode("ascii"), version])
    forward = b"\r\n".join([head, f"Host: {parts.netloc}".encode("ascii"), *kept])
    return Request(parts.hostname or "", port, False, forward, url, parts.scheme == "https")


def _headers(lines: list[bytes]) -> list[bytes]:
    """The headers for the destination. One connection carries one request: the next can go to another host."""
    fields = [(line.partition(b":")[0].strip().lower(), line) for line in lines if line]
    if any(name == b"upgrade" for name, _ in fields):
        return [line for name, line in fields if name not in _HOP_BY_HOP or name == b"connection"]
    return [*(line for name, line in fields if name not in _HOP_BY_HOP), b"Connection: close"]
