"""One process of the stack: started in a session of its own, logged to a file, stopped politely and then not."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 10.0


class ProcessEndedError(Exception):
    """A process ended that should run; the message has its last words."""


class Process:
    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._env = env
        self._cwd = cwd
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._env},
                cwd=self._cwd,
                # A Ctrl-C at the terminal reaches only us: the order in which things stop is ours to keep.
                start_new_session=True,
            )

    async def wait(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._process.wait()

    async def run(self) -> None:
        """Runs to the end. Raises ProcessEndedError when it fails."""
        await self.start()
        if code := await self.wait():
            raise ProcessEndedError(self.last_words(code))

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def last_words(self, code: int) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n  ".join([f"{self.name} ended with exit status {code}; the end of {self.log}:", *lines])
