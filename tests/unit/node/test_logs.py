"""Container logs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from btcwatcher_local.node.logs import LogOptions, LogWriter, pump, read, rotated, tail

if TYPE_CHECKING:
    from pathlib import Path


async def text(path: Path, options: LogOptions) -> str:
    return b"".join([piece async for piece in read(path, options, lambda: True)]).decode()


def written(path: Path, *lines: str, limit: int = 10**6) -> None:
    writer = LogWriter(path, limit)
    for line in lines:
        writer.write("stdout", [(line.encode(), True)])
    writer.close()


async def test_options(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    written(path, "one", "two", "three")
    assert await text(path, LogOptions()) == "one\ntwo\nthree\n"
    assert await text(path, LogOptions(tail_lines=1)) == "three\n"
    assert await text(path, LogOptions(tail_lines=0)) == ""
    assert await text(path, LogOptions(limit_bytes=5)) == "one\nt"
    future = datetime.now(UTC) + timedelta(minutes=1)
    assert await text(path, LogOptions(since=future)) == ""
    stamped = await text(path, LogOptions(timestamps=True, tail_lines=1))
    assert datetime.fromisoformat(stamped.split(" ")[0][:26] + "+00:00") < future
    assert stamped.endswith(" three\n")


async def test_missing_file_is_an_empty_log(tmp_path: Path) -> None:
    assert await text(tmp_path / "none.log", LogOptions(follow=True)) == ""


async def test_rotation_keeps_one_file_and_bounds_both(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    written(path, *(f"line {number}" for number in range(100)), limit=1000)
    assert path.stat().st_size <= 1000
    assert rotated(path).stat().st_size <= 1000
    shown = (await text(path, LogOptions())).splitlines()
    assert shown[-1] == "line 99"
    assert len(shown) > 20


async def test_pump_keeps_long_lines_and_the_last_one_without_newline(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    reader = asyncio.StreamReader()
    reader.feed_data(b"x" * 40_000 + b"\nend")
    reader.feed_eof()
    writer = LogWriter(path, 10**6)
    await pump(reader, "stderr", writer)
    writer.close()
    assert await text(path, LogOptions()) == "x" * 40_000 + "\nend\n"
    assert path.read_bytes().split(b" ")[2] == b"P"


async def test_follow_shows_what_comes_and_survives_rotation(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    writer = LogWriter(path, 300)
    writer.write("stdout", [(b"first", True)])
    done = False
    seen = bytearray()

    async def follow() -> None:
        async for piece in read(path, LogOptions(follow=True), lambda: done):
            seen.extend(piece)

    task = asyncio.create_task(follow())
    for number in range(12):
        await asyncio.sleep(0.25)
        writer.write("stdout", [(b"line %d" % number, True)])
    done = True
    await task
    assert seen.decode().splitlines() == ["first", *(f"line {number}" for number in range(12))]


def test_tail_for_a_status(tmp_path: Path) -> None:
    written(tmp_path / "0.log", *(f"line {number}" for number in range(100)))
    assert tail(tmp_path / "0.log", 2) == "line 98\nline 99"
