"""Entry point `btcwatcher-operator`: settings from the environment, then watches and workers until told to stop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from typing import NoReturn

import structlog
import uvloop
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from btcwatcher_operator import log as logs
from btcwatcher_operator import watches
from btcwatcher_operator.brake import Brake
from btcwatcher_operator.canary import Canary
from btcwatcher_operator.capacity.collector import CapacityCollector
from btcwatcher_operator.capacity.keeper import Keeper
from btcwatcher_operator.capacity.setup import Setup
from btcwatcher_operator.cluster import Cluster
from btcwatcher_operator.controller import Controller
from btcwatcher_operator.endpoint import served
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.exchanges.collector import ExchangeCollector
from btcwatcher_operator.exchanges.keeper import ExchangeKeeper
from btcwatcher_operator.fence import DeposedError, Fence
from btcwatcher_operator.fleet.book import SwitchBook
from btcwatcher_operator.fleet.bot import Bots
from btcwatcher_operator.fleet.steward import Steward
from btcwatcher_operator.leadership import Leadership
from btcwatcher_operator.live import LiveNamespaces
from btcwatcher_operator.metrics import Metrics
from btcwatcher_operator.platform import Platform, Shared
from btcwatcher_operator.ports import PortPool
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.proxies.collector import ProxyCollector
from btcwatcher_operator.proxies.tester import Tester
from btcwatcher_operator.reconciler import Reconciler
from btcwatcher_operator.recorder import Recorder
from btcwatcher_operator.settings import Settings
from btcwatcher_operator.shared_objects import SharedObjects
from btcwatcher_operator.store import Key, Store

log = structlog.get_logger()

STOPPING_SECONDS = 5.0
"""How long watches and workers get to end once the Lease is handed over."""

WATCHES_AFTER_SECONDS = 10.0
"""How long the watches wait for the first look at all Strategies: one that fails again and again must not keep them."""


async def operate(settings: Settings, platform: Platform, shared: Shared, capacity: Setup | None) -> None:
    """Stands by until the Lease is ours, then works until SIGTERM or SIGINT, and hands over.

    Raises whatever else ends it: it is started again then, which is cheap.
    """
    metrics = Metrics()
    fence = Fence()
    canary = Canary(settings.canary_seconds)
    worked = asyncio.Event()
    async with await Cluster.connect(settings.request_timeout_seconds, fence, metrics.requested) as cluster:
        leadership = Leadership(cluster, settings.lease, fence, canary.wrote)
        metrics.lead(lambda: leadership.active)
        async with served(
            settings.metrics_address,
            settings.metrics_port,
            metrics,
            ready=lambda: leadership.standing_by or worked.is_set(),
            problem=lambda: _problem(canary),
        ):
            try:
                await leadership.acquire()
                async with Bots(settings.bot_address, platform.bot_key, fence) as bots:
                    await _lead(
                        settings, platform, shared, capacity, cluster, bots, leadership, canary, metrics, worked
                    )
            finally:
                await leadership.release()
    log.info("stopped")


async def _lead(
    settings: Settings,
    platform: Platform,
    shared: Shared,
    capacity: Setup | None,
    cluster: Cluster,
    bots: Bots,
    leadership: Leadership,
    canary: Canary,
    metrics: Metrics,
    worked: asyncio.Event,
) -> None:
    """Works while the Lease is ours; releases it before the watches are closed, which takes a while."""
    holding = asyncio.create_task(leadership.hold())
    tasks = {holding}
    try:
        store = Store()
        proxies = ProxyBook()
        exchanges = ExchangeBook(platform.market_url)
        ports: PortPool[Key] = PortPool(*settings.ports)
        brake = Brake(settings.rollout_percent, store.count)
        live = LiveNamespaces()
        recorder = Recorder(cluster)
        shared_objects = SharedObjects(cluster, store, shared)
        switches = SwitchBook()
        steward = Steward(cluster, store, switches, bots, lambda key: controller.wake(key))
        controller = Controller(
            cluster,
            store,
            proxies,
            exchanges,
            switches,
            ports,
            brake,
            live,
            Reconciler(
                cluster,
                store,
                proxies,
                exchanges,
                switches,
                steward,
                ports,
                brake,
                live,
                platform,
                recorder,
                shared_objects,
            ),
            shared_objects,
            metrics,
            workers=settings.workers,
            resync_seconds=settings.resync_seconds,
            namespaces=settings.namespaces,
        )
        controller.served_by(steward)
        metrics.registry.register(ProxyCollector(proxies))
        metrics.registry.register(ExchangeCollector(exchanges))
        loading = asyncio.create_task(controller.load())
        tasks.add(loading)
        await asyncio.wait({holding, loading}, return_when=asyncio.FIRST_COMPLETED)
        if holding.done():
            holding.result()
        loading.result()
        log.info("loaded", strategies=sum(1 for _ in store.strategies()), ports_taken=len(ports))
        keeper = Keeper(cluster, store, ports, exchanges, capacity) if capacity is not None else None
        if keeper is not None:
            metrics.registry.register(CapacityCollector(keeper.newest))
        tester = Tester(cluster, proxies, recorder)
        # Several operators, each of some namespaces, would write the same status.
        exchange_keeper = ExchangeKeeper(cluster, exchanges) if not settings.namespaces else None
        working = asyncio.create_task(_work(controller, recorder, tester, steward, exchange_keeper, keeper, worked))
        watching = asyncio.create_task(_watch(controller, canary, settings, worked))
        tasks |= {working, watching}
        ended, _ = await asyncio.wait({holding, working, watching}, return_when=asyncio.FIRST_COMPLETED)
        # Workers and Lease never end by themselves: the process must not live on without them.
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await leadership.release()
        # Nothing that does not end may keep a process alive which writes nothing any more.
        await asyncio.wait(tasks, timeout=STOPPING_SECONDS)


async def _watch(controller: Controller, canary: Canary, settings: Settings, worked: asyncio.Event) -> None:
    """Begins when every Strategy was looked at once: each watch begins with a list of its own, and what happened before
    is in it. kopf takes the signals then, and returns when one says stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WATCHES_AFTER_SECONDS):
            await worked.wait()
    await watches.watch(
        controller,
        canary,
        watches.settings(settings.request_timeout_seconds, settings.watch_timeout_seconds),
        settings.namespaces,
    )


def _problem(canary: Canary) -> str | None:
    """Why the process should be started again."""
    if canary.alive:
        return None
    return f"what was written of the Lease {canary.silent_for:.0f} s ago was not seen by a watch: the watches are dead"


async def _work(
    controller: Controller,
    recorder: Recorder,
    tester: Tester,
    steward: Steward,
    exchanges: ExchangeKeeper | None,
    keeper: Keeper | None,
    ready: asyncio.Event,
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(controller.run())
        group.create_task(recorder.run())
        group.create_task(tester.run())
        group.create_task(steward.run())
        await controller.settled()
        ready.set()
        log.info("ready")
        if exchanges is not None:
            group.create_task(exchanges.run())
        if keeper is not None:
            # Bots come first: at a start there is enough to do.
            group.create_task(keeper.run())


def main() -> None:
    try:
        settings = Settings()
        platform = settings.platform()
        shared = settings.shared()
        capacity = settings.capacity()
    except ValidationError as error:
        for problem in error.errors():
            # What is said of several settings together names them itself.
            name = "_".join(str(part) for part in problem["loc"]).upper()
            named = f"BTCWATCHER_{name}: " if name else ""
            print(f"btcwatcher-operator: {named}{problem['msg']}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except (OSError, ValueError) as error:
        print(f"btcwatcher-operator: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    logs.configure(settings.log_level)
    _collect_seldom()
    _exit(_run(settings, platform, shared, capacity))


def _run(settings: Settings, platform: Platform, shared: Shared, capacity: Setup | None) -> int:
    """The exit status."""
    # Not uvloop.run(): it waits for every task at the end, and kopf's watches can survive being cancelled.
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    try:
        runner.run(_until_told(settings, platform, shared, capacity))
    except DeposedError as error:
        log.warning("deposed", cause=str(error))
        return 1
    except ConfigException as error:
        print(f"btcwatcher-operator: no cluster: {error} (set KUBECONFIG, or run in a cluster)", file=sys.stderr)  # noqa: T201
        return 2
    except Exception as error:
        log.exception("ended", cause=str(error) or type(error).__name__)
        return 1
    return 0


async def _until_told(settings: Settings, platform: Platform, shared: Shared, capacity: Setup | None) -> None:
    """Has SIGTERM and SIGINT end it also before kopf takes them. PID 1 of a container must handle them."""
    operating = asyncio.create_task(operate(settings, platform, shared, capacity))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, operating.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await operating


def _collect_seldom() -> None:
    """Lists of thousands of objects are no garbage: looking through them again and again took a tenth of a start."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _exit(status: int) -> NoReturn:
    """Ends the process at once: there is nothing left to save."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
