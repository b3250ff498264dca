"""One container of a pod as a process: start, watch over, stop. What is to be done is decided elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from btcwatcher_local import procinfo
from btcwatcher_local.client import times
from btcwatcher_local.node import leftovers, logs, process, rootfs
from btcwatcher_local.node.env import ConfigError
from btcwatcher_local.node.expand import expand
from btcwatcher_local.node.model import ContainerRecord, Running, Terminated
from btcwatcher_local.node.proberun import Prober
from btcwatcher_local.node.probes import Target, check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from btcwatcher_local.client.resources import Obj
    from btcwatcher_local.node.images import LocalImage
    from btcwatcher_local.node.settings import ContainerDirs, NodeSettings

    Emit = Callable[[str, str, str, str], None]

log = structlog.get_logger(__name__)

_MESSAGE_LIMIT = 4096
_FALLBACK_LINES = 80
_FALLBACK_BYTES = 2048
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


class StartError(Exception):
    """The program of a container cannot be started; the text is for its termination message."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a container's process is started with."""

    argv: list[str]
    cwd: Path
    env: dict[str, str]
    termination_log: Path


def base_env(root: Path, cwd: Path) -> dict[str, str]:
    """What every process gets: nothing of the agent's own environment but the search path and the language."""
    return {
        "PATH": os.environ.get("PATH", _DEFAULT_PATH),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(cwd),
        "TMPDIR": str(root / "tmp"),
    }


def plan(
    dirs: ContainerDirs, container: Obj, image: LocalImage, env: dict[str, str], volumes: Mapping[str, Path]
) -> Plan:
    """Build the container's root folder and the command line. Raises ConfigError and StartError."""
    root = dirs.rootfs
    rootfs.build(root, container, volumes, env)
    cwd = rootfs.working_dir(root, container.get("workingDir") or image.working_dir)
    message_file, told = rootfs.termination_log(root, container, cwd)
    command = container.get("command") or image.command
    # As in Kubernetes: a pod's own command also drops the image's default arguments.
    args = container.get("args") or ([] if container.get("command") else image.args)
    argv = [expand(str(word), env) for word in [*command, *args]]
    if not argv:
        raise ConfigError("no command specified")
    whole = base_env(root, cwd) | env
    whole["BTCWATCHER_TERMINATION_LOG"] = told
    whole[procinfo.MARKER] = dirs.marker
    program = rootfs.executable(argv[0], root, cwd, whole["PATH"])
    if program is None:
        raise StartError(f'exec: "{argv[0]}": executable file not found in $PATH')
    return Plan([program, *argv[1:]], cwd, whole, message_file)


class Container:
    """The running side of a container; `record` is what the pod's decisions and status read."""

    def __init__(
        self,
        spec: Obj,
        record: ContainerRecord,
        dirs: ContainerDirs,
        settings: NodeSettings,
        *,
        on_change: Callable[[], None],
        emit: Emit,
    ) -> None:
        self.spec = spec
        self.record = record
        self.dirs = dirs
        self.target: Target | None = None
        self._settings = settings
        self._on_change = on_change
        self._emit = emit
        self._process: process.Process | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._probers: list[Prober] = []
        self._deadline = 0.0
        self._born = 0.0
        self._grace = 30.0
        self._kill_task: asyncio.Task[None] | None = None

    def start(self, made: Plan, image: LocalImage, grace: float) -> None:
        """Start the process. Raises StartError; then nothing runs and the record is unchanged."""
        record = self.record
        count = record.restart_count + (1 if record.container_id else 0)
        try:
            child = process.spawn(made.argv, cwd=made.cwd, env=made.env, gated=True)
        except OSError as error:
            raise StartError(f"exec: {made.argv[0]!r}: {error.strerror}") from error
        self._process = child
        self._grace = grace
        if isinstance(record.state, Terminated):
            record.last = record.state
        record.restart_count = count
        record.container_id = f"local://{uuid.uuid4().hex}{uuid.uuid4().hex}"
        record.image_id = image.image_id
        record.state = Running(times.now())
        record.waiting = None
        record.started = "startupProbe" not in self.spec
        record.ready = record.started and "readinessProbe" not in self.spec
        try:
            self.save(grace)
        except OSError as error:
            child.kill_all()  # it has not passed the gate, so nothing of it ever ran
            raise StartError(f"the state of the container cannot be saved: {error.strerror}") from error
        child.open_gate()
        self._drop_old_logs(count)
        self.target = Target(made.cwd, made.env, self._settings.host_ip, self.spec)
        self._running = asyncio.create_task(self._watch_over(child, made, count))
        self._born = asyncio.get_running_loop().time()
        self._probers = []
        if record.started:
            self._probe("Readiness", "Liveness")
        else:
            self._probe("Startup")

    def _probe(self, *kinds: str) -> None:
        for kind in kinds:
            if (probe := self.spec.get(f"{kind.lower()}Probe")) is not None:
                prober = Prober(kind, probe, self, self._probed, self._born)
                self._probers.append(prober)
                prober.start()

    def failed_to_start(self, message: str) -> None:
        """Record a start that came to nothing as the kubelet does: exit code 128, StartError."""
        record = self.record
        if isinstance(record.state, Terminated):
            record.last = record.state
        record.restart_count += 1 if record.container_id else 0
        record.container_id = f"local://{uuid.uuid4().hex}{uuid.uuid4().hex}"
        record.waiting = None
        now = times.now()
        record.state = Terminated(128, "StartError", now, now, message, record.container_id)
        self.save(0)

    def save(self, grace: float) -> None:
        """Put on disk what the next agent must know."""
        record = self.record
        child = self._process if record.running else None
        leftovers.write_state(
            self.dirs.state_file,
            {
                "pid": child.pid if child else None,
                "started": child.started if child else None,
                "grace": grace,
                "restartCount": record.restart_count,
                "containerID": record.container_id,
                "imageID": record.image_id,
                "state": record.state.to_api(),
                "lastState": record.last.to_api() if record.last else {},
            },
        )

    async def stop(self, grace: float, message: str) -> None:
        """preStop, SIGTERM to the main process, SIGKILL to the group `grace` seconds after the call.

        Returns when the container has ended.
        """
        if self._running is None or self._running.done():
            return
        deadline = asyncio.get_running_loop().time() + grace
        if self._stopping is None:
            self._deadline = deadline
            self._emit("Normal", "Killing", message, self.field_path)
            self._stopping = asyncio.create_task(self._stop())
        self.shorten(grace)
        await asyncio.shield(self._running)

    def shorten(self, grace: float) -> None:
        """A stop under way must be over `grace` seconds from now, if that is sooner than planned."""
        if self._stopping is not None:
            self._deadline = min(self._deadline, asyncio.get_running_loop().time() + grace)

    async def _stop(self) -> None:
        child = self._process
        if child is None:
            return
        for prober in self._probers:
            prober.stop()
        loop = asyncio.get_running_loop()
        if hook := (self.spec.get("lifecycle") or {}).get("preStop"):
            await self._hook(hook, max(self._deadline - loop.time(), 0))
        child.signal(signal.SIGTERM)
        while (left := self._deadline - loop.time()) > 0:
            # In short waits, so that a shortened deadline is seen.
            done, _ = await asyncio.wait({child.waiter}, timeout=min(left, 0.5))
            if done:
                return
        child.kill_all()

    async def _hook(self, hook: Obj, timeout: float) -> None:
        target = self.target
        if target is None:
            return
        if seconds := (hook.get("sleep") or {}).get("seconds"):
            await asyncio.sleep(min(seconds, timeout))
        else:
            outcome = await check(hook, target, timeout)
            if not outcome.success:
                text = f"PreStopHook failed: {outcome.message}"
                self._emit("Warning", "FailedPreStopHook", text, self.field_path)

    @property
    def field_path(self) -> str:
        kind = "initContainers" if self.record.init else "containers"
        return f"spec.{kind}{{{self.record.name}}}"

    async def _watch_over(self, child: process.Process, made: Plan, count: int) -> None:
        record = self.record
        writer = logs.LogWriter(self.dirs.log_file(count), self._settings.log_bytes)
        out, out_transport = await process.reader(child.stdout)
        err, err_transport = await process.reader(child.stderr)
        pumps = {
            asyncio.create_task(logs.pump(out, "stdout", writer)),
            asyncio.create_task(logs.pump(err, "stderr", writer)),
        }
        code = await child.wait()
        for prober in self._probers:
            prober.stop()
        # The main process is the container: what it left behind ends with it, even in a session of its own.
        child.kill_all()
        for pid in procinfo.marked({self.dirs.marker}):
            procinfo.kill_pid(pid, signal.SIGKILL)
        _, late = await asyncio.wait(pumps, timeout=1)
        for pump in late:
            pump.cancel()
        out_transport.close()
        err_transport.close()
        writer.close()
        started = record.state.started_at if isinstance(record.state, Running) else times.now()
        record.state = Terminated(
            code,
            "Completed" if code == 0 else "Error",
            started,
            times.now(),
            self._message(made, code, count),
            record.container_id,
        )
        record.started = record.ready = False
        self._process = None
        self._stopping = None
        with contextlib.suppress(OSError):
            self.save(0)
        self._on_change()

    def _message(self, made: Plan, code: int, count: int) -> str:
        try:
            with made.termination_log.open("rb") as file:
                text = file.read(_MESSAGE_LIMIT).decode(errors="replace")
        except OSError:
            text = ""
        if text or code == 0 or self.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return text
        return logs.tail(self.dirs.log_file(count), _FALLBACK_LINES, _FALLBACK_BYTES)

    def _probed(self, kind: str, healthy: bool, grace: int | None) -> None:
        """A probe's verdict has changed."""
        record = self.record
        if not record.running:
            return
        if kind == "Startup" and healthy:
            record.started = True
            record.ready = "readinessProbe" not in self.spec
            self._probe("Readiness", "Liveness")
        elif kind == "Readiness":
            record.ready = healthy
        elif not healthy:
            what = kind.lower()
            message = f"Container {record.name} failed {what} probe, will be restarted"
            seconds = self._grace if grace is None else float(grace)
            self._kill_task = asyncio.create_task(self.stop(seconds, message))
        self._on_change()

    def unhealthy(self, kind: str, message: str) -> None:
        self._emit("Warning", "Unhealthy", f"{kind} probe failed: {message}", self.field_path)

    def _drop_old_logs(self, count: int) -> None:
        """Keep this run's log and the one before: what `kubectl logs --previous` can ask for."""
        for path in self.dirs.logs.glob("*.log*"):
            number = path.name.split(".", 1)[0]
            if number.isdigit() and int(number) < count - 1:
                path.unlink(missing_ok=True)


def restore(record: ContainerRecord, dirs: ContainerDirs) -> None:
    """Take over what an earlier agent wrote of this container; one that ran was killed by its end."""
    state = leftovers.read_state(dirs.state_file)
    if not state:
        return
    record.restart_count = int(state.get("restartCount") or 0)
    record.container_id = str(state.get("containerID") or "")
    record.image_id = str(state.get("imageID") or "")
    record.last = _terminated(state.get("lastState") or {})
    held = state.get("state") or {}
    ended = _terminated(held)
    if ended is None and (running := held.get("running")):
        started = times.parse(running.get("startedAt")) or times.now()
        text = "The node agent ended while the container ran"
        ended = Terminated(137, "ContainerStatusUnknown", started, times.now(), text, record.container_id)
    if ended is not None:
        record.state = replace(ended, container_id=record.container_id)


def _terminated(state: Obj) -> Terminated | None:
    held = state.get("terminated")
    if not held:
        return None
    now = times.now()
    return Terminated(
        int(held["exitCode"]),
        str(held.get("reason") or ""),
        times.parse(held.get("startedAt")) or now,
        times.parse(held.get("finishedAt")) or now,
        str(held.get("message") or ""),
        str(held.get("containerID") or ""),
    )
