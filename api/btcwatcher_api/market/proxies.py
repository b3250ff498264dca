"""The proxy that an exchange is reached through: its URL, from a file that the kubelet may change at any time."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_SCHEMES: Final = ("http", "https", "socks4", "socks5")


class ProxyMissingError(Exception):
    """The file is not there."""


class BadProxyError(Exception):
    """It holds no URL of a proxy."""


def read_proxy(file: Path | None) -> str | None:
    """None: there is no proxy. Raises ProxyMissingError, BadProxyError, whose texts hold no part of the URL."""
    if file is None:
        return None
    try:
        url = file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise ProxyMissingError(
            f"The Secret {file.parent.name} with key {file.name} is not mounted where the cache runs."
        ) from None
    try:
        parts = urlsplit(url)
        good = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port is not None
    except ValueError:
        good = False
    if not good:
        raise BadProxyError(f"Key {file.name} of Secret {file.parent.name} is no http:// or socks5:// URL with a port.")
    return url
