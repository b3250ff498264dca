"""At most one bot on a trade database: a lock beside it, which ends with the process that holds it."""

import fcntl
import os
import socket
import time
from pathlib import Path


class TakenError(Exception):
    """Another bot has the trade database; the message says which."""


class DatabaseLock:
    """An flock on a file in the data folder. The kernel gives it back when the process ends, however it ends.

    Kubernetes makes sure of one pod at a time; this is for the day it is told wrong: a pod deleted by force on a node
    that is still alive, a volume given to another pod by hand.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> None:
        """Raises TakenError when another process has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "an unknown process"
            os.close(descriptor)
            raise TakenError(
                f"another bot has the trade database: {holder}. Two bots on one exchange account lose money, so this "
                "one does not start; it is tried again"
            ) from None
        os.ftruncate(descriptor, 0)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        os.write(descriptor, f"{socket.gethostname()}, process {os.getpid()}, since {since}\n".encode())
        # Kept open for as long as the process lives.
        self._file = descriptor
