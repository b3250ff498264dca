"""What is printed: tables whose columns stand below each other, and times as kubectl writes them."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from btcwatcher_plugin.errors import PluginError

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY}


def say(text: str) -> None:
    """At once, also into a pipe: who follows signals waits for each of them."""
    sys.stdout.write(f"{printable(text)}\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Beside the output, so that a script that reads it does not stumble."""
    sys.stderr.write(f"{printable(text)}\n")


def printable(text: str) -> str:
    """Whoever may send a signal or write a message can send a terminal's commands: they are shown, not obeyed."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else letter.encode("unicode_escape").decode()
        for letter in text
    )


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


def duration(text: str) -> int:
    """Seconds of `90s`, `10m`, `2h` or `1d`. Raises PluginError."""
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in _UNITS:
        raise PluginError(f"{text!r} is no stretch of time: write 90s, 10m, 2h or 1d")
    return int(number) * _UNITS[unit]


def moment(stamp: str) -> datetime:
    found = datetime.fromisoformat(stamp)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
