"""Free ports on loopback. The usual ones are taken when they are free; a busy one is said and passed over."""

import contextlib
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from btcwatcher_local.loopback import HOST, free_port
from btcwatcher_local.stack.locks import try_lock

STEP = 10_000
HIGHEST = 65_535

Say = Callable[[str], None]


class NoFreePortError(Exception):
    """Nothing is free where we looked."""


def is_free(port: int) -> bool:
    """Whether a server could listen there now. Connections that linger from an earlier one do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return True
    return False


# Held until this process ends, so that two stacks that start at once do not both choose a port.
_reserved: list[IO[str]] = []


def _reserve(port: int) -> bool:
    if not is_free(port):
        return False
    lock = _lock(Path(tempfile.gettempdir()) / f"btcwatcher-port-{port}.lock")
    if lock is None:
        return False
    _reserved.append(lock)
    return True


def first_free(preferred: int, purpose: str, say: Say) -> int:
    """`preferred`, or the next free one in steps of ten thousand, or any."""
    for port in range(preferred, HIGHEST, STEP):
        if _reserve(port):
            if port != preferred:
                say(f"port {preferred} is busy: {purpose} is at {port}")
            return port
    port = free_port()
    say(f"port {preferred} is busy: {purpose} is at {port}")
    return port


class PortRange:
    """A range of ports that no other stack of this machine uses, held until `release`."""

    def __init__(self, first: int, last: int, lock: IO[str]) -> None:
        self.first = first
        self.last = last
        self._lock = lock

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def release(self) -> None:
        self._lock.close()


def free_range(first: int, last: int, say: Say) -> PortRange:
    """The range, or the next one of its size with all ports free. Raises NoFreePortError."""
    size = last - first + 1
    for start in range(first, HIGHEST - size, size):
        # The lock keeps apart two stacks that start at the same time, before either has a bot.
        lock = _lock(Path(tempfile.gettempdir()) / f"btcwatcher-ports-{start}.lock")
        if lock is None:
            continue
        busy = next((port for port in range(start, start + size) if not is_free(port)), None)
        if busy is None:
            if start != first:
                say(f"ports {first}-{last} are in use: the pool is {start}-{start + size - 1}")
            return PortRange(start, start + size - 1, lock)
        lock.close()
    raise NoFreePortError(f"no {size} free ports in a row from {first} on")


def _lock(path: Path) -> IO[str] | None:
    try:
        return try_lock(path)
    except OSError:
        return None  # another user's
