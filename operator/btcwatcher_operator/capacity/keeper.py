"""Reads the cluster in turn, has it assessed, and keeps the result: for scrapes, and in the FleetCapacity's status."""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Final

import structlog

from btcwatcher_crds import names
from btcwatcher_crds.fleet_capacity import FleetCapacityStatus
from btcwatcher_operator.capacity import observed, outcome
from btcwatcher_operator.capacity.assess import Past, Platform, assess
from btcwatcher_operator.capacity.budget import CacheBudget
from btcwatcher_operator.capacity.collector import Assessed
from btcwatcher_operator.capacity.prometheus import Prometheus, PrometheusError
from btcwatcher_operator.capacity.setup import Setup
from btcwatcher_operator.cluster import PASSING, Cluster, ClusterError
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.ports import PortPool
from btcwatcher_operator.resources import CSI_NODE, FLEET_CAPACITY, NODE, POD, Object
from btcwatcher_operator.store import Key, Store

log = structlog.get_logger()

_PAST_SECONDS: Final = 600.0
"""How often Prometheus is asked: what it is asked for spans days."""
_NOT_OVER: Final = "status.phase!=Succeeded,status.phase!=Failed"


class Keeper:
    """One of the active operator."""

    def __init__(
        self, cluster: Cluster, store: Store, ports: PortPool[Key], exchanges: ExchangeBook, setup: Setup
    ) -> None:
        self._cluster = cluster
        self._exchanges = exchanges
        self._store = store
        self._ports = ports
        self._setup = setup
        self._newest: Assessed | None = None
        self._past = Past()
        self._past_due = 0.0
        self._trouble = ""
        """What was said of the last round, so that it is said once."""

    def newest(self) -> Assessed | None:
        """What was assessed last, and when; None before the first time."""
        return self._newest

    async def run(self) -> None:
        """Works until cancelled."""
        prometheus = Prometheus(self._setup.prometheus_url, self._setup.prometheus_token_file)
        try:
            while True:
                await self._try(prometheus)
                await asyncio.sleep(self._setup.seconds * random.uniform(0.9, 1.1))  # noqa: S311 - jitter
        finally:
            await prometheus.close()

    async def _try(self, prometheus: Prometheus) -> None:
        try:
            if self._setup.prometheus_url and time.monotonic() >= self._past_due:
                await self._ask(prometheus)
            await self._round()
        except (ClusterError, *PASSING) as error:
            self._say(str(error) or type(error).__name__)
        except Exception:
            # Figures must not end what keeps bots running.
            log.exception("capacity_not_assessed")
        else:
            self._say("")

    async def _round(self) -> None:
        """Reads, assesses and writes; a ClusterError of the reading is in the status, too."""
        live = await self._live()
        before = (live or {}).get("status", {})
        now = datetime.now(UTC)
        try:
            status = outcome.measured(await self._assess(), before, now)
        except ClusterError as error:
            if not error.passes:
                await self._write(outcome.not_measured(error, before, now), live)
            raise
        await self._write(status, live)

    async def _assess(self) -> FleetCapacityStatus:
        at = time.time()
        nodes, _ = await self._cluster.list(NODE)
        csi_nodes = await self._csi_nodes()
        pods = []
        async for page, _ in self._cluster.pages(POD, fields=_NOT_OVER):
            pods += [found for item in page if (found := observed.pod(item)) is not None]
        strategies = [
            one
            for key in self._store.strategies()
            if (strategy := self._store.strategy(key)) and (one := observed.wanted(strategy)) is not None
        ]
        platform = Platform(
            ports=self._ports.size,
            ports_used=len(self._ports),
            bot=self._setup.bot,
            exchange_budget=self._setup.exchange_budget,
            cached={
                one.metadata.name: CacheBudget(one.weight_per_minute, one.candle_weight)
                for one in self._exchanges.cached()
            },
            catalogue=self._setup.catalogue,
            forecast_days=self._setup.forecast_days,
        )
        built = observed.nodes(nodes, csi_nodes, pods)
        waiting = [pod for pod in pods if pod.node is None]
        # In a thread: a thousand nodes take a while, and the Lease must be renewed meanwhile.
        status = await asyncio.to_thread(assess, built, waiting, strategies, platform, self._past)
        self._newest = status, at
        return status

    async def _csi_nodes(self) -> list[Object]:
        """None where the cluster does not know them, or does not show them: then volumes are without limit."""
        try:
            found, _ = await self._cluster.list(CSI_NODE)
        except ClusterError as error:
            if error.status not in (403, 404):
                raise
            return []
        return found

    async def _live(self) -> Object | None:
        return await self._cluster.get(FLEET_CAPACITY, None, names.FLEET_CAPACITY_NAME)

    async def _write(self, status: Object, live: Object | None) -> None:
        if live is None:
            live = await self._cluster.create(outcome.NEW)
        if status != live.get("status"):
            await self._cluster.apply({**outcome.NAMED, "status": status}, status=True)

    async def _ask(self, prometheus: Prometheus) -> None:
        """Without an answer what was known before stays."""
        try:
            self._past = Past(await prometheus.uses(), await prometheus.used_slots(time.time()))
            self._past_due = time.monotonic() + _PAST_SECONDS
        except PrometheusError as error:
            self._past_due = time.monotonic() + self._setup.seconds
            log.warning("prometheus_gives_no_figures", cause=str(error))

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("capacity_not_measured", cause=trouble)
        elif self._trouble and not trouble:
            log.info("capacity_measured_again")
        self._trouble = trouble
