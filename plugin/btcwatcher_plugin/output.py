"""What is printed: tables whose columns stand below each other, and ages as kubectl writes them."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def warn(text: str) -> None:
    """Beside the output, so that a script that reads it does not stumble."""
    sys.stderr.write(f"{text}\n")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], indent: str = "") -> str:
    """Lines of columns; the last one is as wide as it is."""
    lines = [list(heads), *[[cell or "-" for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads) - 1)]
    return "\n".join(
        indent + "".join(cell.ljust(width + 3) for cell, width in zip(line, widths, strict=False)) + line[-1]
        for line in lines
    )


def age(stamp: str | None, now: datetime) -> str:
    """How long ago, in the two or three characters that matter; empty for what has no time."""
    if not stamp:
        return ""
    seconds = max(0, int((now - moment(stamp)).total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    return f"{seconds // _DAY}d"


def moment(stamp: str) -> datetime:
    found = datetime.fromisoformat(stamp)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
