"""What a Proxy's Secret may hold, read as the bots' wrapper reads it."""

from urllib.parse import quote, urlsplit

_KINDS = {"http": ("http", 80), "socks5": ("socks5", 1080), "socks5h": ("socks5", 1080)}


class UrlError(ValueError):
    """No URL of a proxy; the text says why and shows nothing of it."""


def normal(text: str) -> str:
    """The URL as the library wants it: a scheme it knows, and a port. Raises UrlError."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        # The words of urllib can hold a part of the URL.
        raise UrlError("is not a URL") from None
    if parts.scheme not in _KINDS:
        raise UrlError("does not begin with http:// or socks5://")
    if not host:
        raise UrlError("names no host")
    scheme, default = _KINDS[parts.scheme]
    login = ""
    if parts.username or parts.password:
        # Already quoted: what it stands for is not looked at here.
        login = f"{parts.username or ''}:{parts.password or ''}@"
    address = f"[{host}]" if ":" in host else quote(host)
    return f"{scheme}://{login}{address}:{port or default}"
