"""The loopback address, and a free port there for a server that is told its port before it starts."""

import contextlib
import random
import socket
from typing import Final

HOST: Final = "127.0.0.1"

# Below those that the kernel hands out (Linux: 32768 and up). It would give one of these to a connection that goes out
# between our look and the server's start.
_PORTS: Final = range(24_000, 30_000)
_TRIES: Final = 100


def free_port() -> int:
    """One that was free a moment ago. Raises OSError where none is."""
    for port in random.sample(_PORTS, _TRIES):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise OSError(f"no free port from {_PORTS.start} to {_PORTS.stop - 1} of {HOST} in {_TRIES} tries")
