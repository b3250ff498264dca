"""The parent of the workers: starts them, starts those that died again, and ends when told to.

Each worker has a listening socket of its own on the one port (SO_REUSEPORT: the kernel spreads connections evenly,
which many acceptors on one socket do not). The parent keeps the sockets, so what connects while a worker is started
again waits for it instead of being refused.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

from btcwatcher_api import logs

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_log = logs.get("btcwatcher_api.workers")
_processes: Final = multiprocessing.get_context("fork")

_BACKLOG: Final = 2048
_LOOPBACK: Final = "127.0.0.1"
_HOPELESS_SECONDS: Final = 5.0
"""Who ends sooner than this after his start will not do better the next time: the parent ends too, and says so."""
_PAUSE_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Worker:
    """What one worker knows of its place among the others."""

    number: int
    sockets: tuple[socket.socket, ...]
    """Where it listens: on the common port, and on one of its own on loopback."""
    siblings: dict[int, int]
    """The others' own ports, by their number."""
    lifeline: int
    """A pipe that ends with the parent."""


class Workers:
    """`count` processes that each run `work`, which serves until SIGTERM and returns its exit status.

    Raises OSError when the port is not free.
    """

    def __init__(self, count: int, host: str, port: int, stop_seconds: float, work: Callable[[Worker], int]) -> None:
        self._work = work
        self._stop_seconds = stop_seconds
        _check_free(host, port)
        first = _listener(host, port)
        self.port: Final = int(first.getsockname()[1])
        self._common = [first, *(_listener(host, self.port) for _ in range(count - 1))]
        self._own = [_listener(_LOOPBACK, 0) for _ in range(count)]
        self._lifeline, self._held = os.pipe()
        self._running: dict[int, tuple[BaseProcess, float]] = {}
        self._told, self._tell = os.pipe()
        self._stopping = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT (exit status 0), or until a worker cannot start (its exit status)."""
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, self._stop)
        for number in range(len(self._common)):
            self._start(number)
        _log.info("serving", port=self.port, workers=len(self._common))
        while not self._stopping:
            wait([self._told, *(process.sentinel for process, _ in self._running.values())], timeout=_LOOK_SECONDS)
            status = self._look_after()
            if status is not None:
                self._end()
                return status
        return self._end()

    def _look_after(self) -> int | None:
        """Start again who died. The exit status if that is hopeless."""
        for number, (process, since) in list(self._running.items()):
            if process.is_alive() or self._stopping:
                continue
            lived = time.monotonic() - since
            _log.error("a worker died", worker=number, status=process.exitcode, seconds=round(lived, 1))
            if lived < _HOPELESS_SECONDS and process.exitcode and process.exitcode > 0:
                return process.exitcode
            time.sleep(_PAUSE_SECONDS)
            self._start(number)
        return None

    def _start(self, number: int) -> None:
        siblings = {other: int(one.getsockname()[1]) for other, one in enumerate(self._own) if other != number}
        worker = Worker(number, (self._common[number], self._own[number]), siblings, self._lifeline)
        process = _processes.Process(target=self._be, args=(worker,), name=f"worker-{number}")
        process.start()
        self._running[number] = (process, time.monotonic())

    def _be(self, worker: Worker) -> None:
        """The child's life."""
        # Only the parent holds this end: when it is gone, whichever way, every worker reads the end of the pipe.
        os.close(self._held)
        for number, one in enumerate(self._common):
            if number != worker.number:
                one.close()
                self._own[number].close()
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, signal.SIG_DFL)
        threading.Thread(target=_end_with_parent, args=(worker.lifeline,), daemon=True).start()
        sys.exit(self._work(worker))

    def _stop(self, *_: object) -> None:
        self._stopping = True
        with contextlib.suppress(OSError):
            os.write(self._tell, b".")

    def _end(self) -> int:
        """Ask until all have ended; kill who does not. 0 if all ended as they should."""
        deadline = time.monotonic() + self._stop_seconds
        while alive := [process for process, _ in self._running.values() if process.is_alive()]:
            late = time.monotonic() >= deadline
            for process in alive:
                # Asked again and again: one that was just starting may have had no ears yet.
                process.kill() if late else process.terminate()
            wait([process.sentinel for process in alive], timeout=_LOOK_SECONDS)
        return max((abs(process.exitcode or 0) for process, _ in self._running.values()), default=0)


def _end_with_parent(lifeline: int) -> None:
    """An orphan would go on holding the port."""
    os.read(lifeline, 1)
    _log.error("the parent of the workers is gone: ending")
    os.kill(os.getpid(), signal.SIGTERM)


def _check_free(host: str, port: int) -> None:
    """Raises OSError. Without this look, sockets that share their port would share it with another API as well."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket(_family(host), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
