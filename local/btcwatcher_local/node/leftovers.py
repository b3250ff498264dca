"""What an earlier agent left running, found by the state files, and brought to an end.

Used by a starting agent and by its watchdog, so that a container never has two processes and a killed agent
leaves none behind.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from btcwatcher_local import procinfo
from btcwatcher_local.node.settings import ContainerDirs

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Leftover:
    """A container's main process as recorded when it was started."""

    folder: Path
    pid: int
    started: str
    grace: float

    def alive(self) -> bool:
        """Whether the process or a member of its group still runs.

        A pid is not given anew while a group of that number exists; so when another process has the pid now,
        the group had died out.
        """
        now = procinfo.start_time(self.pid)
        if now is not None:
            return now == self.started
        return procinfo.group_alive(self.pid)


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Replace a state file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(state))
    temporary.replace(path)


def read_state(path: Path) -> dict[str, Any]:
    """The state file's content, {} when there is none or it is damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def find(pods_dir: Path) -> list[Leftover]:
    """Containers recorded as started whose processes still run."""
    found = []
    for path in pods_dir.glob("*/containers/*/state.json"):
        state = read_state(path)
        if state.get("pid"):
            leftover = Leftover(
                path.parent, int(state["pid"]), str(state.get("started", "")), float(state.get("grace", 10))
            )
            if leftover.alive():
                found.append(leftover)
    return found


def end_all(pods_dir: Path, *, grace_cap: float) -> int:
    """SIGTERM, wait for the longest grace period (at most `grace_cap` seconds), SIGKILL. Blocks; returns how many."""
    found = find(pods_dir)
    for leftover in found:
        procinfo.kill_pid(leftover.pid, signal.SIGTERM)
    deadline = time.monotonic() + min(max((item.grace for item in found), default=0), grace_cap)
    while time.monotonic() < deadline and any(procinfo.same_process(item.pid, item.started) for item in found):
        time.sleep(0.05)
    for leftover in found:
        if leftover.alive():
            procinfo.kill_group(leftover.pid, signal.SIGKILL)
    markers = {ContainerDirs(path).marker for path in pods_dir.glob("*/containers/*")}
    for pid in procinfo.marked(markers):
        procinfo.kill_pid(pid, signal.SIGKILL)
    return len(found)


def lock(root: Path) -> int | None:
    """Take the folder for this process; None when another agent has it. Held until the process ends."""
    import fcntl

    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
