"""Every metric of the operator. What all controllers have is named as controller-runtime names it: dashboards fit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from btcwatcher_crds.conditions import ConditionType
from btcwatcher_crds.names import CONTAINER_BOT
from btcwatcher_crds.names import pod as pod_name
from btcwatcher_operator.bot_state import container_of
from btcwatcher_operator.brake import Brake, Part
from btcwatcher_operator.ports import PortPool
from btcwatcher_operator.resources import POD
from btcwatcher_operator.store import Key, Store


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    sentence: str
    labels: tuple[str, ...] = ()


_QUEUE: Final = ("name", "controller")
CONTROLLER: Final = "strategy"
"""What `name` and `controller` say: there is one queue and one controller."""

WORKQUEUE_DEPTH: Final = Metric("workqueue_depth", "gauge", "Strategies that wait to be reconciled.", _QUEUE)
WORKQUEUE_ADDS: Final = Metric("workqueue_adds_total", "counter", "How often a Strategy was queued.", _QUEUE)
WORKQUEUE_QUEUE_DURATION: Final = Metric(
    "workqueue_queue_duration_seconds", "histogram", "How long a Strategy waited before it was reconciled.", _QUEUE
)
WORKQUEUE_WORK_DURATION: Final = Metric(
    "workqueue_work_duration_seconds", "histogram", "How long a Strategy was worked on.", _QUEUE
)
WORKQUEUE_RETRIES: Final = Metric(
    "workqueue_retries_total", "counter", "How often a Strategy was queued again after a failure.", _QUEUE
)
RECONCILE_TOTAL: Final = Metric(
    "controller_runtime_reconcile_total",
    "counter",
    "Reconciles by result: success, requeue (somebody wrote first) or error.",
    ("controller", "result"),
)
RECONCILE_TIME: Final = Metric(
    "controller_runtime_reconcile_time_seconds", "histogram", "How long a reconcile took.", ("controller",)
)
STRATEGY_INFO: Final = Metric(
    "btcwatcher_strategy_info",
    "gauge",
    "Always 1, once for each Strategy; port is empty until it has one.",
    ("namespace", "name", "mode", "state", "exchange", "port"),
)
STRATEGY_CONDITION: Final = Metric(
    "btcwatcher_strategy_condition",
    "gauge",
    "Always 1, once for each condition of a Strategy, with the status it has now: True, False or Unknown.",
    ("namespace", "name", "type", "status"),
)
STRATEGY_READY_REASON: Final = Metric(
    "btcwatcher_strategy_ready_reason",
    "gauge",
    "Always 1, once for each Strategy with a Ready condition, with why that is as it is now.",
    ("namespace", "name", "reason"),
)
STRATEGY_RESTARTS: Final = Metric(
    "btcwatcher_strategy_restarts",
    "gauge",
    "How often the bot was started again in the pod that it has now; nothing while it has none.",
    ("namespace", "name"),
)
STRATEGY_POD_DELETED: Final = Metric(
    "btcwatcher_strategy_pod_deletion_timestamp_seconds",
    "gauge",
    "By when the bot's pod that is being deleted should be gone, its grace period included, Unix time.",
    ("namespace", "name"),
)
PROXY_HEALTHY: Final = Metric(
    "btcwatcher_proxy_healthy",
    "gauge",
    "Whether the last test of a Proxy passed, 1 or 0; nothing before its first test.",
    ("namespace", "name"),
)
PROXY_LATENCY: Final = Metric(
    "btcwatcher_proxy_latency_seconds",
    "gauge",
    "How long the last test of a Proxy took that passed.",
    ("namespace", "name"),
)
EXCHANGE_READY: Final = Metric(
    "btcwatcher_exchange_ready",
    "gauge",
    "Whether bots get the exchange's market data by the cache, 1 or 0, with the reason of its condition Ready.",
    ("exchange", "reason"),
)
PORT_POOL_SIZE: Final = Metric("btcwatcher_port_pool_size", "gauge", "Ports of the pool.")
PORT_POOL_USED: Final = Metric("btcwatcher_port_pool_used", "gauge", "Ports of the pool that a Strategy has.")
ROLLOUT_STRATEGIES: Final = Metric(
    "btcwatcher_rollout_strategies",
    "gauge",
    "Strategies by what they have to do with a change that the platform makes to all: waiting, moving, done or failed.",
    ("part",),
)
ROLLOUT_STOPPED: Final = Metric(
    "btcwatcher_rollout_stopped",
    "gauge",
    "1 while a change that the platform makes to all is stopped, because the first ones failed with it.",
)
KUBERNETES_REQUESTS: Final = Metric(
    "rest_client_requests_total",
    "counter",
    "Requests to the API server by method and status code; the code is `<error>` where none came. "
    "The watches are not among them.",
    ("code", "method"),
)

LEADER_NAME: Final = "btcwatcher-operator"
LEADER: Final = Metric(
    "leader_election_master_status",
    "gauge",
    "1 while this replica of the operator is the active one.",
    ("name",),
)

METRICS: Final = (
    LEADER,
    WORKQUEUE_DEPTH,
    WORKQUEUE_ADDS,
    WORKQUEUE_QUEUE_DURATION,
    WORKQUEUE_WORK_DURATION,
    WORKQUEUE_RETRIES,
    RECONCILE_TOTAL,
    RECONCILE_TIME,
    STRATEGY_INFO,
    STRATEGY_CONDITION,
    STRATEGY_READY_REASON,
    STRATEGY_RESTARTS,
    STRATEGY_POD_DELETED,
    PORT_POOL_SIZE,
    PORT_POOL_USED,
    ROLLOUT_STRATEGIES,
    ROLLOUT_STOPPED,
    KUBERNETES_REQUESTS,
    PROXY_HEALTHY,
    PROXY_LATENCY,
    EXCHANGE_READY,
)

Result = Literal["success", "requeue", "error"]

# As controller-runtime has them: 5 ms to 60 s for a reconcile, powers of ten for the queue.
_RECONCILE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_QUEUE_BUCKETS: Final = tuple(10.0**exponent for exponent in range(-6, 4))


class Metrics:
    """The counters, and where they are read. One of a process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        names = {"name": CONTROLLER, "controller": CONTROLLER}
        self._depth = self._gauge(WORKQUEUE_DEPTH).labels(**names)
        self._adds = self._counter(WORKQUEUE_ADDS).labels(**names)
        self._retries = self._counter(WORKQUEUE_RETRIES).labels(**names)
        self._waited = self._histogram(WORKQUEUE_QUEUE_DURATION, _QUEUE_BUCKETS).labels(**names)
        self._worked = self._histogram(WORKQUEUE_WORK_DURATION, _QUEUE_BUCKETS).labels(**names)
        self._leader = self._gauge(LEADER).labels(name=LEADER_NAME)
        self._reconciles = self._counter(RECONCILE_TOTAL)
        self._requests = self._counter(KUBERNETES_REQUESTS)
        self._reconcile_time = self._histogram(RECONCILE_TIME, _RECONCILE_BUCKETS).labels(controller=CONTROLLER)
        # Each result is there from the start, at zero, so that a rate over its first increase is seen.
        for result in ("success", "requeue", "error"):
            self._reconciles.labels(controller=CONTROLLER, result=result)

    def added(self) -> None:
        self._adds.inc()

    def retried(self) -> None:
        self._retries.inc()

    def started(self, waited: float) -> None:
        """A key left the queue after `waited` seconds."""
        self._waited.observe(waited)

    def finished(self, worked: float) -> None:
        """A key was done with after `worked` seconds."""
        self._worked.observe(worked)

    def reconciled(self, result: Result, seconds: float) -> None:
        self._reconciles.labels(controller=CONTROLLER, result=result).inc()
        self._reconcile_time.observe(seconds)

    def requested(self, method: str, code: str) -> None:
        """A request to the API server was answered with `code`, or with nothing: then it is `<error>`."""
        self._requests.labels(code=code, method=method).inc()

    def watch(self, store: Store, ports: PortPool[Key], brake: Brake, depth: Callable[[], int]) -> None:
        """From now on a scrape also tells of what is in the store, the pool and the queue then."""
        self._depth.set_function(depth)
        self.registry.register(StoreCollector(store, ports, brake))

    def lead(self, active: Callable[[], bool]) -> None:
        """From now on a scrape also tells whether this replica is the active one."""
        self._leader.set_function(lambda: float(active()))

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.sentence, metric.labels, registry=self.registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.sentence, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(metric.name, metric.sentence, metric.labels, registry=self.registry, buckets=buckets)


class StoreCollector(Collector):
    """Made from the store at each scrape: the series of a Strategy are gone with it, with nobody to remove them."""

    def __init__(self, store: Store, ports: PortPool[Key], brake: Brake) -> None:
        self._store = store
        self._ports = ports
        self._brake = brake

    def describe(self) -> Iterator[GaugeMetricFamily]:
        for metric in (
            STRATEGY_INFO,
            STRATEGY_CONDITION,
            STRATEGY_READY_REASON,
            STRATEGY_RESTARTS,
            STRATEGY_POD_DELETED,
            PORT_POOL_SIZE,
            PORT_POOL_USED,
            ROLLOUT_STRATEGIES,
            ROLLOUT_STOPPED,
        ):
            yield family(metric)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        info, conditions = family(STRATEGY_INFO), family(STRATEGY_CONDITION)
        reasons, restarts = family(STRATEGY_READY_REASON), family(STRATEGY_RESTARTS)
        deleted = family(STRATEGY_POD_DELETED)
        for key in self._store.strategies():
            strategy = self._store.strategy(key) or {}
            spec = strategy.get("spec", {})
            port = self._ports.port_of(key)
            exchange = spec.get("exchange", {}).get("name", "")
            info.add_metric([*key, spec.get("mode", ""), spec.get("state", ""), exchange, str(port or "")], 1)
            for condition in strategy.get("status", {}).get("conditions", []):
                conditions.add_metric([*key, condition["type"], condition["status"]], 1)
                if condition["type"] == ConditionType.READY:
                    reasons.add_metric([*key, condition.get("reason", "")], 1)
            if (pod := self._store.child(key, (POD.kind, pod_name(key.name)))) is not None:
                bot = container_of(pod.get("status", {}), "containerStatuses", CONTAINER_BOT)
                restarts.add_metric(key, bot.get("restartCount", 0))
        for key in self._store.owners():
            pod = self._store.child(key, (POD.kind, pod_name(key.name))) or {"metadata": {}}
            if at := pod["metadata"].get("deletionTimestamp"):
                deleted.add_metric(key, datetime.fromisoformat(at).timestamp())
        yield info
        yield conditions
        yield reasons
        yield restarts
        yield deleted
        parts = family(ROLLOUT_STRATEGIES)
        counts = self._brake.counts()
        for part in (Part.WAITING, Part.MOVING, Part.DONE, Part.FAILED):
            parts.add_metric([part.value], counts[part])
        yield parts
        for metric, value in (
            (PORT_POOL_SIZE, self._ports.size),
            (PORT_POOL_USED, len(self._ports)),
            (ROLLOUT_STOPPED, int(self._brake.stopped)),
        ):
            one = family(metric)
            one.add_metric([], value)
            yield one


def family(metric: Metric) -> GaugeMetricFamily:
    """An empty family, to be filled at a scrape."""
    return GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)
