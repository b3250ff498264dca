"""Who a pid really is: processes told apart by their start time, and found by an environment marker.

On Linux from /proc; elsewhere from `ps`, where processes cannot be found by their environment.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal

LINUX = sys.platform.startswith("linux")

MARKER = "BTCWATCHER_CONTAINER"
"""Environment variable that every process of a container carries."""


def start_time(pid: int) -> str | None:
    """An opaque word that differs when the pid was given to another process; None when there is none (or a zombie)."""
    if LINUX:
        fields = _stat(pid)
        if fields is None or fields[0] in ("Z", "X"):
            return None
        return f"{_boot_id()}:{fields[19]}"
    done = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    if done.returncode or not words or words[-1].startswith("Z"):
        return None
    return " ".join(words[:-1])


def same_process(pid: int, started: str) -> bool:
    return start_time(pid) == started


def group_alive(pgid: int) -> bool:
    """Whether the process group has a member that is no zombie."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return not LINUX  # macOS answers so for a group of zombies too
    if not LINUX:
        return True
    return any(
        fields is not None and fields[0] not in ("Z", "X") and int(fields[2]) == pgid for fields in map(_stat, _pids())
    )


def kill_group(pgid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)


def kill_pid(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def marked(markers: set[str]) -> list[int]:
    """Pids of all processes that carry one of the container markers, whatever session they moved to. Linux only."""
    if not LINUX or not markers:
        return []
    wanted = {f"{MARKER}={marker}".encode() for marker in markers}
    found = []
    for pid in _pids():
        if pid == os.getpid():
            continue
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if MARKER.encode() in environ and not wanted.isdisjoint(environ.split(b"\0")):
            found.append(pid)
    return found


def by_marker() -> dict[str, list[int]]:
    """Pids by the container marker that they carry. Linux only."""
    found: dict[str, list[int]] = {}
    for pid in _pids() if LINUX else ():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        _, marked, rest = environ.partition(f"{MARKER}=".encode())
        if marked:
            found.setdefault(rest.split(b"\0", 1)[0].decode(), []).append(pid)
    return found


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 - names are enough


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the state letter on (the command before it may hold blanks)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


_BOOT: list[str] = []


def _boot_id() -> str:
    if not _BOOT:
        try:
            _BOOT.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        except OSError:
            _BOOT.append("")
    return _BOOT[0]
