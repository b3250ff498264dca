"""Operators that start in tenths of a second: forked from a process that has imported everything already.

Run as a program it is that process: each line of its input is {"env": ..., "log": FILE}, its answer the pid.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

TESTS = Path(__file__).parents[1]


class Forge:
    """Where operators are forked. A context manager; what still runs when it closes is killed."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.operator_fork"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS,
        )
        self._lock = threading.Lock()
        self._pids: set[int] = set()
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def start(self, env: dict[str, str], log: Path) -> int:
        """The pid of an operator with this environment."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"env": env, "log": str(log)}) + "\n")
            self._process.stdin.flush()
            pid = int(self._process.stdout.readline())
            self._pids.add(pid)
            return pid


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Supervised:
    """An operator that is started again whenever it ends, as a kubelet does, but at once."""

    def __init__(self, forge: Forge, env: dict[str, str], log: Path) -> None:
        self._forge = forge
        self._env = env
        self.log = log
        self.pid = 0
        self.starts = 0
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        self._start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(10)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def end(self, number: signal.Signals) -> None:
        """Has it end, and not started again."""
        self._stopped.set()
        os.kill(self.pid, number)

    def pause(self) -> None:
        """Freezes it: it does nothing, and does not know."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9; it is started again at once."""
        os.kill(self.pid, signal.SIGKILL)

    def _start(self) -> None:
        self.starts += 1
        self.pid = self._forge.start(self._env, self.log)

    def _watch(self) -> None:
        while not self._stopped.wait(0.05):
            if not alive(self.pid):
                self._start()


def _end_with_parent() -> None:
    """Has the kernel end this process when the forge ends, as it does when the tests are killed (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _forge() -> None:
    from btcwatcher_operator.main import main

    # The kernel takes the dead away, so that they are seen to be gone.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if pid := os.fork():
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _end_with_parent()
        os.environ.clear()
        os.environ.update(request["env"])
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
            status = 1
        os._exit(status)


if __name__ == "__main__":
    _forge()
