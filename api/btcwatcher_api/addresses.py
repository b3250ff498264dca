"""Addresses: whose a request is, behind proxies that are known, and which one is meant by one inside another."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_IPV6_HOME: Final = 64
"""One subscriber has a whole network of this size."""

_NAT64: Final = IPv6Network("64:ff9b::/96")


class TrustedProxies:
    """Networks whose X-Forwarded-For is believed, separated by commas. Raises ValueError for what is no network."""

    def __init__(self, networks: str) -> None:
        try:
            self._networks = [ip_network(part.strip(), strict=False) for part in networks.split(",") if part.strip()]
        except ValueError as error:
            raise ValueError(f"must be addresses or networks, separated by commas: {error}") from None

    def client(self, peer: str, forwarded: Sequence[str]) -> str | None:
        """The caller's address (of IPv6 its /64); None when no proxy is trusted, for then nobody knows.

        `forwarded` are the X-Forwarded-For headers. Each proxy adds at the right whom it heard: from there the first
        address that is no proxy's is the caller's, and what stands left of it anybody may have written.
        """
        if not self._networks:
            return None
        hops = [part.strip() for header in forwarded for part in header.split(",")]
        client = _parsed(peer)
        while client is not None and self._trusts(client) and hops:
            client = _parsed(hops.pop())
        if client is None:
            return peer
        if isinstance(client, IPv6Address):
            return str(ip_network((client, _IPV6_HOME), strict=False))
        return str(client)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def address_of(text: str) -> IPv4Address | IPv6Address:
    """The address that is meant: ::ffff:127.0.0.1 and 64:ff9b::7f00:1 are 127.0.0.1 to whoever connects.

    Raises ValueError for what is none.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or _nat64(address) or address
    return address


def _nat64(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
