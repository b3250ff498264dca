"""The stack itself: what is started, with which settings, in which order."""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from btcwatcher_local.exchange.defaults import exchange_defaults
from btcwatcher_local.loopback import HOST, free_port
from btcwatcher_local.postgres import EmbeddedPostgres, PostgresError
from btcwatcher_local.stack import chart, monitoring
from btcwatcher_local.stack.layout import REPOSITORY, Layout, command, freqtrade_python, helm, kubectl
from btcwatcher_local.stack.leftovers import record, stop_recorded, take_lock
from btcwatcher_local.stack.ports import first_free, free_range
from btcwatcher_local.stack.process import STOP_SECONDS, Process, ProcessEndedError
from btcwatcher_local.stack.progress import Progress

READY_SECONDS = 90.0
RESTART_SECONDS = 1.0
NODE_STOP_SECONDS = 90.0
"""The node agent ends every bot in good order first."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user can set; busy ports are passed over."""

    folder: Path
    api_port: int = 8000
    ingress_port: int = 8080
    collector_port: int = 8001
    worker_port: int = 8002
    operator_port: int = 8003
    market_port: int = 8006
    catcher_port: int = 8025
    smtp_port: int = 1025
    prometheus_port: int = 8004
    alertmanager_port: int = 8005
    pool: tuple[int, int] = (8081, 9080)
    kubeconfig: Path | None = None
    """An API server to use in place of the embedded one. Controllers and node are ours all the same."""
    fresh: bool = False
    """Forget what an earlier run left: signals, keys, logs."""
    monitoring: bool = False
    """Start Prometheus and Alertmanager, where their programs are."""
    scrape_seconds: int = 15
    values: Path | None = None
    """Values of the chart, over those of this stack."""
    frequi: Path | None = None
    """Folder with a built FreqUI; without it there is no fleet screen."""


@dataclass(slots=True)
class Stack:
    """A running stack."""

    layout: Layout
    progress: Progress
    api_url: str = ""
    ingress_port: int = 0
    collector_url: str = ""
    worker_url: str = ""
    operator_url: str = ""
    """Its metrics."""
    market_url: str = ""
    """The market-data cache, and its metrics."""
    catcher_url: str = ""
    """Where the messages of this stack's NotificationChannels are caught."""
    smtp_port: int = 0
    frequi: Path | None = None
    screen_ports: tuple[int, int] = (0, 0)
    """The fleet screen's, and its metrics'."""
    prometheus_url: str = ""
    """Empty where there is none."""
    alertmanager_url: str = ""
    monitoring_missing: str = ""
    """Which of the two is not there and what that means, as a sentence."""
    pool: str = ""
    database_url: str = field(default="", repr=False)
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str = ""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _processes: list[Process] = field(default_factory=list)

    @property
    def screen_url(self) -> str:
        """Where browsers find the fleet screen; empty where there is none."""
        return f"http://{chart.SCREEN_HOST}:{self.ingress_port}" if self.frequi is not None else ""

    @property
    def read_token(self) -> str:
        return self.layout.key("read-token").read_text()

    async def kubectl(self, *arguments: str) -> str:
        """kubectl's output. Raises ProcessEndedError with its words when it fails."""
        return await self._tool(kubectl(), *arguments)

    async def helm(self, *arguments: str) -> str:
        """helm's output. Raises ProcessEndedError with its words when it fails."""
        return await self._tool(helm(), *arguments)

    async def _tool(self, tool: str, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            tool,
            "--kubeconfig",
            str(self.layout.kubeconfig),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, error = await process.communicate()
        except asyncio.CancelledError:
            # Ctrl-C while helm waits: nothing is left behind.
            process.terminate()
            await process.wait()
            raise
        if process.returncode:
            raise ProcessEndedError(f"{Path(tool).name} {' '.join(arguments)}: {error.decode().strip()}")
        return output.decode()

    def process(
        self,
        name: str,
        arguments: list[str],
        env: Mapping[str, str] | None = None,
        *,
        module: bool = True,
        log_name: str | None = None,
    ) -> Process:
        prefix = [sys.executable, "-m", f"btcwatcher_local.{name}"] if module else [command(name)]
        return self.program(log_name or name, [*prefix, *arguments], REPOSITORY, env)

    def program(self, name: str, command: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> Process:
        """A process of the stack that is not ours."""
        built = Process(name, command, self.layout.logs / f"{name}.log", env or {}, cwd)
        self._processes.append(built)
        return built

    async def keep(self, process: Process, *, restart: bool) -> None:
        """Starts a process that should run as long as the stack: one that ends is restarted, or ends the stack."""
        await process.start()
        self._note()
        self._tasks.append(asyncio.create_task(self._watch(process, restart=restart)))

    async def _watch(self, process: Process, *, restart: bool) -> None:
        while True:
            code = await process.wait()
            if not restart:
                return self._fail(process.last_words(code))
            self.progress.complain(f"{process.name} ended with exit status {code}: starting it again")
            await asyncio.sleep(RESTART_SECONDS)
            await process.start()
            self._note()

    def _fail(self, sentence: str) -> None:
        """Something ended that the stack cannot go on without."""
        self.failure = sentence
        self.failed.set()

    async def until_failure(self) -> None:
        """Waits until something ended that the stack cannot go on without. Raises ProcessEndedError."""
        await self.failed.wait()
        raise ProcessEndedError(self.failure)

    def watch_database(self, database: EmbeddedPostgres) -> None:
        """Starts Postgres again, on its port and its data, when it ends."""
        if not database.external:
            self._tasks.append(asyncio.create_task(self._watch_database(database)))

    async def _watch_database(self, database: EmbeddedPostgres) -> None:
        while True:
            await asyncio.sleep(RESTART_SECONDS)
            if database.pid is not None:
                continue
            self.progress.complain("Postgres ended: starting it again")
            try:
                url = await asyncio.to_thread(database.start)
            except PostgresError as error:
                return self._fail(f"Postgres does not start again: {error}")
            if url != self.database_url:
                return self._fail("Postgres came back on another port: start again")

    def _note(self) -> None:
        record(self.layout.pid_file, [process.pid for process in self._processes if process.pid])

    async def stop(self) -> None:
        """Stops in the reverse order of starting, so that what others need goes last."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in reversed(self._processes):
            await process.stop(NODE_STOP_SECONDS if process.name == "node" else STOP_SECONDS)
        self.layout.pid_file.unlink(missing_ok=True)


@asynccontextmanager
async def running_stack(wishes: Wishes, progress: Progress) -> AsyncIterator[Stack]:
    """Starts everything, hands it out once it is ready, and stops it again.

    Raises AlreadyRunningError, NoFreePortError, PostgresError or ProcessEndedError; each says what to do.
    """
    layout = Layout(wishes.folder.resolve())
    layout.root.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(take_lock(layout.lock_file)):
        if count := stop_recorded(layout.pid_file):
            progress.say(f"stopped {count} processes that an earlier run had left")
        if wishes.fresh:
            EmbeddedPostgres(layout.postgres).remove()
            layout.clear()
        layout.prepare()
        stack = Stack(layout, progress)
        pool = free_range(*wishes.pool, progress.say)
        stack.pool = str(pool)
        database = EmbeddedPostgres(layout.postgres)
        try:
            progress.say("starting Postgres" if not database.external else "using BTCWATCHER_DATABASE_URL")
            stack.database_url = await asyncio.to_thread(database.start)
            stack.watch_database(database)
            await _start(stack, wishes)
            yield stack
        finally:
            progress.say("stopping the bots, then everything else")
            await stack.stop()
            await asyncio.to_thread(database.stop)
            pool.release()
            progress.say("stopped")


async def _start(stack: Stack, wishes: Wishes) -> None:
    """What a cluster has anyway comes first; then the chart is installed into it, as on any other."""
    layout, say = stack.layout, stack.progress.say
    kubeconfig = ["--kubeconfig", str(layout.kubeconfig)]

    if wishes.kubeconfig is None:
        await _start_api_server(stack)
    else:
        say(f"using the API server of {wishes.kubeconfig}")
        shutil.copyfile(wishes.kubeconfig, layout.kubeconfig)

    say("starting the controllers and the paper exchange")
    await stack.keep(stack.process("controllers", [*kubeconfig, "--volumes", str(layout.volumes)]), restart=True)
    exchange_port = free_port()
    await stack.keep(stack.process("exchange", ["--port", str(exchange_port)]), restart=True)
    exchange_url = f"http://{HOST}:{exchange_port}"
    await _until(stack, f"{exchange_url}/api/v3/ping", "the paper exchange")

    watching = monitoring.prepare(stack, wishes)
    _choose_ports(stack, wishes)
    kubelet_port = free_port()
    # Before the operator, which asks it at once.
    await monitoring.start_prometheus(stack, watching, kubelet_port)
    await _start_catcher(stack, wishes)

    say("starting the ingress and the node")
    await stack.keep(stack.process("ingress", [*kubeconfig, "--port", str(stack.ingress_port)]), restart=True)
    layout.image_table.write_text(json.dumps(chart.images()))
    node_arguments = ["--root", str(layout.pods), "--image-table", str(layout.image_table),
                      "--port", str(kubelet_port)]  # fmt: skip
    await stack.keep(stack.process("node", [*kubeconfig, *node_arguments]), restart=True)
    await _until_kubectl(stack, "wait", "--for=condition=Ready", "node", "--all", "--timeout=10s")

    say("installing the chart: operator, API, collector, notification worker and market-data cache")
    await chart.install(stack, {"binance": exchange_defaults(exchange_url)}, wishes.values)
    await chart.apply_exchange(stack, exchange_url)
    await monitoring.start_alertmanager(stack, watching)


def _choose_ports(stack: Stack, wishes: Wishes) -> None:
    say = stack.progress.say
    stack.api_url = f"http://{HOST}:{first_free(wishes.api_port, 'the API', say)}"
    stack.ingress_port = first_free(wishes.ingress_port, "the ingress", say)
    stack.operator_url = f"http://{HOST}:{first_free(wishes.operator_port, 'the operator', say)}"
    stack.collector_url = f"http://{HOST}:{first_free(wishes.collector_port, 'the collector', say)}"
    stack.worker_url = f"http://{HOST}:{first_free(wishes.worker_port, 'the worker', say)}"
    stack.frequi = wishes.frequi
    if wishes.frequi is not None:
        # People come by the ingress: these are nobody's to remember.
        stack.screen_ports = (free_port(), free_port())
    stack.market_url = f"http://{HOST}:{first_free(wishes.market_port, 'the market-data cache', say)}"


async def _start_api_server(stack: Stack) -> None:
    layout = stack.layout
    stack.progress.say("starting the embedded Kubernetes API server")
    port = free_port()
    layout.kubeconfig.unlink(missing_ok=True)
    # As every cluster has it: pods of the chart get their accounts' tokens.
    arguments = ["--port", str(port), "--token-file", str(layout.key("cluster-token")), "--service-account-admission"]
    process = stack.process("apiserver", [*arguments, "--kubeconfig", str(layout.kubeconfig)])
    await stack.keep(process, restart=False)  # its state is in memory: without it there is nothing to go on with
    await _until_kubectl(stack, "get", "--raw", "/readyz")


async def _start_catcher(stack: Stack, wishes: Wishes) -> None:
    say = stack.progress.say
    port = first_free(wishes.catcher_port, "the catcher's page", say)
    stack.smtp_port = first_free(wishes.smtp_port, "the catcher's mail server", say)
    stack.catcher_url = f"http://{HOST}:{port}"
    arguments = ["--port", str(port), "--smtp-port", str(stack.smtp_port)]
    await stack.keep(stack.process("catcher", arguments), restart=True)
    await _until(stack, f"{stack.catcher_url}/healthz", "the catcher")


async def _until_kubectl(stack: Stack, *arguments: str) -> None:
    """Repeats a kubectl command until it succeeds. Raises ProcessEndedError with its last words when it never does."""
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while True:
        try:
            await stack.kubectl(*arguments)
        except ProcessEndedError:
            if stack.failed.is_set():
                raise ProcessEndedError(stack.failure) from None
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def _until(stack: Stack, url: str, what: str) -> None:
    """Waits until a URL answers 200. Raises ProcessEndedError when it does not, or when the stack fails before."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_SECONDS
    answer = "no answer"
    async with httpx.AsyncClient(timeout=5) as client:
        while loop.time() < deadline:
            if stack.failed.is_set():
                raise ProcessEndedError(stack.failure)
            try:
                response = await client.get(url)
            except httpx.HTTPError as error:
                answer = str(error) or type(error).__name__
            else:
                if response.status_code == 200:
                    return
                answer = f"{response.status_code} {response.text[:200]}"
            await asyncio.sleep(0.1)
    raise ProcessEndedError(f"{what} is not ready after {READY_SECONDS:.0f} s: {answer}; see {stack.layout.logs}")


def missing_tools() -> str | None:
    """What must be installed first, as a sentence; None when all is there."""
    there = {
        "freqtrade": freqtrade_python().exists(),
        "kubectl": shutil.which(kubectl()) is not None,
        "helm": shutil.which(helm()) is not None,
    }
    missing = [name for name, is_there in there.items() if not is_there]
    return f"{' and '.join(missing)} not installed here: run `make setup`" if missing else None
