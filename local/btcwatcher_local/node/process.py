"""Start a process, know when it ended.

A container's process is held at a gate until its pid is on disk: it begins as a shell that waits for one line
on its standard input and then executes the command in its place. If the agent dies before, the gate closes and
nothing ever ran, so there is no process that a later agent cannot find.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from typing import IO, TYPE_CHECKING

from btcwatcher_local import procinfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_GATE = 'read -r _ || exit 143; exec "$@" </dev/null'


class Process:
    """A child in a session of its own, whose pid is also its process group."""

    def __init__(self, popen: subprocess.Popen[bytes], *, gated: bool) -> None:
        self._popen = popen
        self._gated = gated
        self.pid = popen.pid
        self.started = procinfo.start_time(popen.pid) or ""
        self.waiter = asyncio.create_task(self._wait(), name=f"wait for pid {popen.pid}")

    @property
    def stdout(self) -> IO[bytes]:
        assert self._popen.stdout is not None  # noqa: S101 - spawn always asks for it
        return self._popen.stdout

    @property
    def stderr(self) -> IO[bytes]:
        assert self._popen.stderr is not None  # noqa: S101 - asked for by spawn(gated=True)
        return self._popen.stderr

    def open_gate(self) -> None:
        if self._gated and self._popen.stdin is not None:
            try:
                self._popen.stdin.write(b"\n")
                self._popen.stdin.close()
            except BrokenPipeError:
                pass  # killed while it waited; its exit code tells

    async def wait(self) -> int:
        """The exit code as a shell would say it: 128 + n after signal n."""
        return await asyncio.shield(self.waiter)

    def signal(self, number: signal.Signals) -> None:
        """To the main process only; nothing when it has ended (its pid is ours until it is waited for)."""
        if self._popen.returncode is None:
            procinfo.kill_pid(self.pid, number)

    def kill_all(self) -> None:
        """SIGKILL to the whole group."""
        procinfo.kill_group(self.pid, signal.SIGKILL)

    async def _wait(self) -> int:
        if hasattr(os, "pidfd_open"):
            await _pidfd_ready(self.pid)
            code = self._popen.wait()
        else:
            code = await asyncio.to_thread(self._popen.wait)
        return 128 - code if code < 0 else code


async def _pidfd_ready(pid: int) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    descriptor = os.pidfd_open(pid)

    def ready() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(descriptor, ready)
    try:
        await done
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def spawn(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], gated: bool = False, merge: bool = False
) -> Process:
    """Start `argv` with pipes for its output (`merge`: stderr into stdout). Raises OSError."""
    command = ["/bin/sh", "-c", _GATE, argv[0], *argv] if gated else list(argv)
    popen = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE if gated else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        start_new_session=True,
    )
    return Process(popen, gated=gated)


async def reader(pipe: IO[bytes]) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """An asyncio reader of a pipe."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(limit=256 * 1024)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    return stream, transport


async def run(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float, limit: int = 10_240
) -> tuple[int | None, str]:
    """Run a command to its end: (exit code, output cut at `limit` bytes); the code is None after `timeout` seconds.

    Whatever it started is killed when it ends. Raises OSError when it cannot be started.
    """
    process = spawn(argv, cwd=cwd, env=env, merge=True)
    stream, transport = await reader(process.stdout)
    output = bytearray()

    async def drain() -> None:
        while chunk := await stream.read(65536):
            if len(output) < limit:
                output.extend(chunk[: limit - len(output)])

    drainer = asyncio.create_task(drain())
    code: int | None = None
    try:
        async with asyncio.timeout(timeout):
            code = await process.wait()
    except TimeoutError:
        pass
    finally:
        process.kill_all()
        await asyncio.wait({drainer}, timeout=0.5)
        drainer.cancel()
        transport.close()
        if code is None:
            await process.wait()
    return code, output.decode(errors="replace").strip()
