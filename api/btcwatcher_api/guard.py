"""URLs that a user gives and something of ours fetches: they must lead to the internet, not into our own network."""

import asyncio
import socket
from typing import Final
from urllib.parse import urlsplit

from btcwatcher_api.addresses import address_of
from btcwatcher_api.problems import Problem

_SECONDS: Final = 3.0
_OURS: Final = ("localhost", ".localhost", ".local", ".internal", ".svc", ".cluster.local", ".home.arpa")
_SETTING: Final = "BTCWATCHER_ALLOW_PRIVATE_URLS"


async def check_public(field: str, url: str, *, allow_private: bool) -> None:
    """Raises Problem 422 for a host that is, or has an address that is, loopback, link-local, private or reserved.

    A name that does not resolve here passes: who fetches it may see another DNS, and looks again. So this is a fence
    against mistakes and the plain attack; who fetches must not follow redirects, and a NetworkPolicy is the wall.
    """
    if allow_private:
        return
    host = host_of(field, url)
    if "." not in host and ":" not in host:
        raise _refusal(field, host, "is a name of our own network")
    if host == _OURS[0] or host.endswith(_OURS[1:]):
        raise _refusal(field, host, "is a name of our own network")
    for address in [host] if _is_address(host) else await _resolved(host):
        if not _is_public(address):
            raise _refusal(field, host, f"leads to {address}, which is no address of the internet")


def host_of(field: str, url: str) -> str:
    """Lower case, without brackets and the dot of the root. Raises Problem 422."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        _ = parts.port
    except ValueError:
        host = ""
    if not host:
        raise Problem(422, f"{field}: is no URL with a host", [(field, "is no URL with a host")])
    return host


def _refusal(field: str, host: str, why: str) -> Problem:
    said = f"{host} {why}; only {_SETTING} allows that"
    return Problem(422, f"{field}: {said}", [(field, said)])


def _is_address(host: str) -> bool:
    try:
        address_of(host)
    except ValueError:
        return False
    return True


def _is_public(text: str) -> bool:
    address = address_of(text)
    return address.is_global and not address.is_multicast


async def _resolved(host: str) -> set[str]:
    """Also what only a resolver takes for an address, such as `127.1` and `0x7f000001`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_SECONDS):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return set()
    return {str(entry[4][0]) for entry in found}
