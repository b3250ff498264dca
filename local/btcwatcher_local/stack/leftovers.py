"""One stack a folder: a lock says that it runs; a list of processes lets the next start clean up after a kill -9."""

import json
import signal
import time
from pathlib import Path
from typing import IO

from btcwatcher_local.procinfo import kill_pid, same_process, start_time
from btcwatcher_local.stack.locks import try_lock

KILL_SECONDS = 15.0


class AlreadyRunningError(Exception):
    """Another stack runs in this folder."""


def take_lock(path: Path) -> IO[str]:
    """Held by the open file, so the kernel releases it with the process. Raises AlreadyRunningError."""
    lock = try_lock(path)
    if lock is None:
        raise AlreadyRunningError(f"a stack already runs in {path.parent}: stop it first (Ctrl-C there)")
    return lock


def record(path: Path, pids: list[int]) -> None:
    """Notes what runs, each process with its start time: a number alone may belong to another by then."""
    entries = {str(pid): started for pid in pids if (started := start_time(pid))}
    path.write_text(json.dumps(entries))


def stop_recorded(path: Path) -> int:
    """Stops what an earlier stack left running; how many processes that were."""
    try:
        entries: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return 0
    left = {int(pid): started for pid, started in entries.items() if same_process(int(pid), started)}
    for pid in left:
        kill_pid(pid, signal.SIGTERM)
    deadline = time.monotonic() + KILL_SECONDS
    while any(same_process(pid, started) for pid, started in left.items()) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid, started in left.items():
        if same_process(pid, started):
            kill_pid(pid, signal.SIGKILL)
    path.unlink(missing_ok=True)
    return len(left)
