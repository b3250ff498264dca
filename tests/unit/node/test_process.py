"""Processes: the gate, who is who, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from btcwatcher_local import procinfo
from btcwatcher_local.node import leftovers, process
from btcwatcher_local.node.settings import ContainerDirs

if TYPE_CHECKING:
    from pathlib import Path

ENV = {"PATH": "/usr/bin:/bin"}


def alive(pid: int) -> bool:
    return procinfo.start_time(pid) is not None


def until(condition: object, seconds: float = 5) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


async def test_nothing_runs_before_the_gate_is_open(tmp_path: Path) -> None:
    child = process.spawn(["touch", "made"], cwd=tmp_path, env=ENV, gated=True)
    await asyncio.sleep(0.3)
    assert not (tmp_path / "made").exists()
    pid = child.pid
    child.open_gate()
    assert await child.wait() == 0
    assert (tmp_path / "made").exists()
    assert child.pid == pid


def test_a_gate_whose_keeper_is_killed_never_opens(tmp_path: Path) -> None:
    keeper = f"""
import asyncio, os, pathlib
from btcwatcher_local.node import process
async def main():
    process.spawn(["touch", "made"], cwd=pathlib.Path({str(tmp_path)!r}), env={{"PATH": "/usr/bin:/bin"}}, gated=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", keeper], check=False)
    assert done.returncode == -signal.SIGKILL
    time.sleep(0.5)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -9 $$", 137), ("true", 0)])
async def test_exit_codes_are_a_shells(tmp_path: Path, script: str, code: int) -> None:
    child = process.spawn(["sh", "-c", script], cwd=tmp_path, env=ENV)
    assert await child.wait() == code


async def test_run_kills_what_a_command_leaves(tmp_path: Path) -> None:
    code, output = await process.run(["sh", "-c", "sleep 100 & echo $!; exit 0"], cwd=tmp_path, env=ENV, timeout=5)
    assert code == 0
    assert until(lambda: not alive(int(output)))
    code, output = await process.run(["sh", "-c", "echo $$; sleep 100"], cwd=tmp_path, env=ENV, timeout=0.3)
    assert code is None
    assert until(lambda: not alive(int(output)))


def test_start_time_tells_processes_apart() -> None:
    child = subprocess.Popen(["sleep", "100"])
    started = procinfo.start_time(child.pid)
    assert started is not None
    assert procinfo.same_process(child.pid, started)
    assert not procinfo.same_process(child.pid, "another time")
    child.kill()
    child.wait()
    assert procinfo.start_time(child.pid) is None


def record(pods: Path, pid: int, started: str | None, grace: float = 5) -> ContainerDirs:
    dirs = ContainerDirs(pods / "uid" / "containers" / "main")
    leftovers.write_state(dirs.state_file, {"pid": pid, "started": started, "grace": grace})
    return dirs


def test_leftovers_are_ended_gracefully_with_their_whole_group(tmp_path: Path) -> None:
    script = "trap 'echo bye > said; exit 0' TERM; sleep 100 & echo $! > child; while :; do sleep 0.05; done"
    child = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, start_new_session=True)
    assert until((tmp_path / "child").exists)
    time.sleep(0.1)
    record(tmp_path / "pods", child.pid, procinfo.start_time(child.pid))
    assert len(leftovers.find(tmp_path / "pods")) == 1
    assert leftovers.end_all(tmp_path / "pods", grace_cap=5) == 1
    child.wait()
    assert (tmp_path / "said").read_text() == "bye\n"
    assert until(lambda: not alive(int((tmp_path / "child").read_text())))
    assert leftovers.find(tmp_path / "pods") == []


def test_deaf_leftovers_are_killed_after_their_grace(tmp_path: Path) -> None:
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
    child = subprocess.Popen(["sh", "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"deaf\n", "before that a SIGTERM would end it"
    record(tmp_path / "pods", child.pid, procinfo.start_time(child.pid), grace=0.3)
    leftovers.end_all(tmp_path / "pods", grace_cap=5)
    assert child.wait(5) == -signal.SIGKILL
    child.stdout.close()


def test_a_pid_given_to_another_process_is_left_alone(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "100"], start_new_session=True)
    record(tmp_path / "pods", child.pid, "another start")
    assert leftovers.end_all(tmp_path / "pods", grace_cap=1) == 0
    assert child.poll() is None
    child.kill()
    child.wait()


@pytest.mark.skipif(not procinfo.LINUX, reason="processes are found by their environment on Linux only")
def test_a_daemon_in_a_session_of_its_own_is_found_by_its_marker(tmp_path: Path) -> None:
    dirs = ContainerDirs(tmp_path / "pods" / "uid" / "containers" / "main")
    dirs.base.mkdir(parents=True)
    env = {**ENV, procinfo.MARKER: dirs.marker}
    child = subprocess.Popen(["sleep", "100"], env=env, start_new_session=True)
    assert until(lambda: child.pid in procinfo.marked({dirs.marker}))
    leftovers.end_all(tmp_path / "pods", grace_cap=1)
    assert child.wait(5) == -signal.SIGKILL


def test_one_agent_a_folder(tmp_path: Path) -> None:
    first = leftovers.lock(tmp_path)
    assert first is not None
    assert leftovers.lock(tmp_path) is None
    os.close(first)
    second = leftovers.lock(tmp_path)
    assert second is not None
    os.close(second)


def test_damaged_state_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{half")
    assert leftovers.read_state(tmp_path / "state.json") == {}
