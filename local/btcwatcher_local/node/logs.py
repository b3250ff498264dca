"""Container logs in the CRI format (`<time> <stream> <F|P> <text>`), rotated, and read as `kubectl logs` asks."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING

from btcwatcher_local.client import times

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

_LINE_LIMIT = 16 * 1024
_POLL = 0.2


class LogWriter:
    """Appends to one file; at `limit` bytes the file becomes `<file>.1` and a new one begins."""

    def __init__(self, path: Path, limit: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._limit = limit
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, stream: str, lines: list[tuple[bytes, bool]]) -> None:
        """Write (text without newline, whole line?) pairs, stamped with the present time."""
        stamp = _stamp(datetime.now(UTC))
        data = b"".join(
            b"%s %s %s %s\n" % (stamp, stream.encode(), b"F" if whole else b"P", text) for text, whole in lines
        )
        if self._size and self._size + len(data) > self._limit:
            self._file.close()
            self._path.replace(rotated(self._path))
            self._file = self._path.open("ab", buffering=0)
            self._size = 0
        self._file.write(data)
        self._size += len(data)

    def close(self) -> None:
        self._file.close()


def rotated(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _stamp(moment: datetime) -> bytes:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()


async def pump(reader: asyncio.StreamReader, stream: str, writer: LogWriter) -> None:
    """Copy a process's output into its log until the pipe ends."""
    rest = b""
    while chunk := await reader.read(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        lines: list[tuple[bytes, bool]] = []
        for line in whole:
            while len(line) > _LINE_LIMIT:
                lines.append((line[:_LINE_LIMIT], False))
                line = line[_LINE_LIMIT:]
            lines.append((line, True))
        while len(rest) > _LINE_LIMIT:
            lines.append((rest[:_LINE_LIMIT], False))
            rest = rest[_LINE_LIMIT:]
        if lines:
            writer.write(stream, lines)
    if rest:
        writer.write(stream, [(rest, True)])


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What `kubectl logs` can ask for."""

    follow: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None


def since_seconds(seconds: int) -> datetime:
    return times.now() - timedelta(seconds=seconds)


def tail(path: Path, lines: int, size: int = 8192) -> str:
    """The last lines of a log, at most `size` bytes: what FallbackToLogsOnError puts into a status."""
    found: deque[bytes] = deque(maxlen=lines)
    for raw in _raw_lines(path):
        parsed = _parse(raw)
        if parsed:
            found.append(parsed[1])
    return b"".join(found)[-size:].decode(errors="replace").rstrip("\n")


async def read(path: Path, options: LogOptions, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the log as asked; with `follow`, until `ended()` says that nothing more will come."""
    budget = options.limit_bytes
    shown: deque[bytes] = deque(maxlen=options.tail_lines)
    position, inode = 0, None
    for raw in _raw_lines(path):
        if (text := _shown(raw, options)) is not None:
            shown.append(text)
    if path.exists():
        status = path.stat()
        position, inode = _whole_size(path), status.st_ino
    for text in shown:
        piece, budget = _within(text, budget)
        if piece:
            yield piece
    while options.follow and budget != 0:
        over = ended()  # asked before reading: what came until then is still read
        if path.exists():
            if path.stat().st_ino != inode:
                position, inode = 0, path.stat().st_ino
            with path.open("rb") as file:
                file.seek(position)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            position += len(whole)
            for raw in whole.splitlines(keepends=True):
                if (text := _shown(raw, options)) is not None:
                    piece, budget = _within(text, budget)
                    if piece:
                        yield piece
        if over:
            return
        await asyncio.sleep(_POLL)


def _whole_size(path: Path) -> int:
    data = path.read_bytes()
    return data.rfind(b"\n") + 1


def _raw_lines(path: Path) -> Iterator[bytes]:
    for part in (rotated(path), path):
        if part.exists():
            with part.open("rb") as file:
                yield from file


def _parse(raw: bytes) -> tuple[bytes, bytes] | None:
    """(time, text with its newline if the line is whole)."""
    words = raw.rstrip(b"\n").split(b" ", 3)
    if len(words) < 4:
        return None
    return words[0], words[3] + (b"\n" if words[2] == b"F" else b"")


def _shown(raw: bytes, options: LogOptions) -> bytes | None:
    parsed = _parse(raw)
    if parsed is None:
        return None
    stamp, text = parsed
    if options.since is not None and stamp < _stamp(options.since.astimezone(UTC)):
        return None
    return stamp + b" " + text if options.timestamps else text


def _within(text: bytes, budget: int | None) -> tuple[bytes, int | None]:
    if budget is None:
        return text, None
    piece = text[:budget]
    return piece, budget - len(piece)
