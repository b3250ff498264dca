"""Entry point `btcwatcher-operator`: settings from the environment, then watches and workers until told to stop."""

import asyncio
import logging
import os
import sys
from typing import NoReturn

import structlog
import uvloop
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from btcwatcher_operator import log as logs
from btcwatcher_operator import watches
from btcwatcher_operator.brake import Brake
from btcwatcher_operator.cluster import Cluster
from btcwatcher_operator.controller import Controller
from btcwatcher_operator.endpoint import served
from btcwatcher_operator.live import LiveNamespaces
from btcwatcher_operator.metrics import Metrics
from btcwatcher_operator.platform import Platform
from btcwatcher_operator.ports import PortPool
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.proxies.collector import ProxyCollector
from btcwatcher_operator.proxies.tester import Tester
from btcwatcher_operator.reconciler import Reconciler
from btcwatcher_operator.recorder import Recorder
from btcwatcher_operator.settings import Settings
from btcwatcher_operator.store import Key, Store

log = structlog.get_logger()


async def operate(settings: Settings, platform: Platform) -> None:
    """Runs until SIGTERM or SIGINT. Raises whatever else ends it: it is restarted then, which is cheap."""
    metrics = Metrics()
    ready = asyncio.Event()
    async with (
        served(settings.metrics_address, settings.metrics_port, metrics, ready.is_set),
        await Cluster.connect(settings.request_timeout_seconds) as cluster,
    ):
        store = Store()
        proxies = ProxyBook()
        ports: PortPool[Key] = PortPool(*settings.ports)
        brake = Brake(settings.rollout_percent, store.count)
        live = LiveNamespaces()
        recorder = Recorder(cluster)
        controller = Controller(
            cluster,
            store,
            proxies,
            ports,
            brake,
            live,
            Reconciler(cluster, store, proxies, ports, brake, live, platform, recorder),
            metrics,
            workers=settings.workers,
            resync_seconds=settings.resync_seconds,
            namespaces=settings.namespaces,
        )
        metrics.registry.register(ProxyCollector(proxies))
        await controller.load()
        log.info("loaded", strategies=sum(1 for _ in store.strategies()), ports_taken=len(ports))
        working = asyncio.create_task(_work(controller, recorder, Tester(cluster, proxies, recorder), ready))
        watching = asyncio.create_task(
            watches.watch(
                controller,
                watches.settings(settings.request_timeout_seconds, settings.watch_timeout_seconds),
                settings.namespaces,
            )
        )
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                # The workers never end by themselves: the process must not live on without them.
                working.result()
            watching.result()
        finally:
            for task in (working, watching):
                task.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)
        log.info("stopped")


async def _work(controller: Controller, recorder: Recorder, tester: Tester, ready: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(controller.run())
        group.create_task(recorder.run())
        group.create_task(tester.run())
        await controller.settled()
        ready.set()
        log.info("ready")


def main() -> None:
    try:
        settings = Settings()
        platform = settings.platform()
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
    _exit(_run(settings, platform))


def _run(settings: Settings, platform: Platform) -> int:
    """The exit status."""
    # Not uvloop.run(): it waits for every task at the end, and kopf's watches can survive being cancelled.
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    try:
        runner.run(operate(settings, platform))
    except ConfigException as error:
        print(f"btcwatcher-operator: no cluster: {error} (set KUBECONFIG, or run in a cluster)", file=sys.stderr)  # noqa: T201
        return 2
    except Exception as error:
        log.exception("ended", cause=str(error) or type(error).__name__)
        return 1
    return 0


def _exit(status: int) -> NoReturn:
    """Ends the process at once: there is nothing left to save."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
