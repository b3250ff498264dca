"""CPU time of a process and everything that it started, from /proc: what a benchmark can compare on a busy machine."""

import os
from pathlib import Path
from typing import Final

_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")


def seconds(pid: int) -> float:
    """User and system time so far, of the process, its living descendants, and its children that have ended."""
    stats = _all()
    wanted, total = [pid], 0.0
    while wanted:
        one = wanted.pop()
        total += stats[one][1] if one in stats else 0.0
        wanted.extend(child for child, (parent, _) in stats.items() if parent == one)
    return total


def _all() -> dict[int, tuple[int, float]]:
    """Of every process: its parent, and the seconds that it and its ended children took."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The name in parentheses may hold spaces; what follows it may not.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(folder.name)] = (int(fields[1]), _TICK * sum(map(int, fields[11:15])))
    return found
