"""Where nothing is sent, whoever asks for it: addresses that answer only to the machine that asks, such as a cloud's
metadata, which holds credentials. Looked at when a connection is made, so that no name and no DNS leads around it.
"""

import asyncio
import errno
import ipaddress
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from btcwatcher_api.addresses import address_of

FORBIDDEN: Final = (
    "169.254.0.0/16",  # link-local: the metadata of most clouds
    "fe80::/10",
    "fd00:ec2::/32",  # AWS: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    "fd20:ce::254/128",  # Google: https://cloud.google.com/compute/docs/metadata/querying-metadata
    "100.100.100.200/32",  # Alibaba: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
    "168.63.129.16/32",  # Azure: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""As getaddrinfo gives it."""

_SETTING: Final = "BTCWATCHER_WORKER_FORBIDDEN_NETWORKS"
_SENDING: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class Forbidden(OSError):  # noqa: N818 - it is what is said
    """Nothing is sent to this address."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"leads to {address}, where nothing is sent ({_SETTING})")


def networks_of(text: str) -> tuple[Network, ...]:
    """Of a list with commas. Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


_forbidden: tuple[Network, ...] = networks_of(",".join(FORBIDDEN))


def forbid(networks: Iterable[Network]) -> None:
    """For the whole process, in place of FORBIDDEN."""
    global _forbidden
    _forbidden = tuple(networks)


def check(address: str) -> None:
    """Raises Forbidden. What is no address passes: a socket's path, or a name that is still to be resolved."""
    try:
        plain = address_of(address)
    except ValueError:
        return
    if any(plain in network for network in _forbidden):
        raise Forbidden(address)


def open_socket(info: AddressInfo) -> socket.socket:
    """One that is about to be connected. Raises Forbidden."""
    family, kind, protocol, _, address = info
    check(str(address[0]))
    return socket.socket(family, kind, protocol)


async def connected(host: str, port: int) -> socket.socket:
    """To the first address that answers. Raises OSError."""
    loop = asyncio.get_running_loop()
    failure = OSError("the name has no address")
    for info in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        opened = open_socket(info)
        opened.setblocking(False)
        try:
            await loop.sock_connect(opened, info[4])
        except OSError as error:
            opened.close()
            failure = error
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise failure


_refused: ContextVar[list[Forbidden] | None] = ContextVar("refused", default=None)


@contextmanager
def watched() -> Iterator[None]:
    """In this context nothing is sent where nothing may be sent, whatever library does it. Raises Forbidden at the end,
    since libraries tell what happened in words of their own."""
    refused: list[Forbidden] = []
    before = _refused.set(refused)
    try:
        yield
    finally:
        _refused.reset(before)
    if refused:
        raise refused[0]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _SENDING or (refused := _refused.get()) is None or not isinstance(arguments[1], tuple):
        return
    try:
        check(str(arguments[1][0]))
    except Forbidden as error:
        refused.append(error)
        raise


sys.addaudithook(_audit)
