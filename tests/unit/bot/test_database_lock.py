"""One process at a time, told by the kernel: real processes hold the lock."""

import subprocess
import sys
from pathlib import Path

import pytest

from btcwatcher_bot.database_lock import DatabaseLock, TakenError

IMAGE = Path(__file__).parents[3] / "images/freqtrade"
HOLDER = """
import sys
from pathlib import Path
from btcwatcher_bot.database_lock import DatabaseLock
lock = DatabaseLock(Path(sys.argv[1]))
lock.take()
print("taken", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        cwd=IMAGE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    return process


def test_a_second_one_is_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "bot.lock"
    process = holder(path)
    try:
        with pytest.raises(TakenError, match=f"process {process.pid}, since "):
            DatabaseLock(path).take()
    finally:
        process.kill()
        process.wait()


def test_killed_it_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "bot.lock"
    process = holder(path)
    process.kill()
    process.wait()
    lock = DatabaseLock(path)
    lock.take()
    assert "process" in path.read_text()
