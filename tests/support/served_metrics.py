"""Every metric that a Prometheus can have of us, and its labels: what dashboards may name."""

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from btcwatcher_api.metrics import Metrics
from btcwatcher_crds.bot_metrics import BOT_METRICS
from btcwatcher_crds.notification_metrics import NOTIFICATION_METRICS
from btcwatcher_local.node import usage
from btcwatcher_operator.capacity.metrics import CAPACITY_METRICS
from btcwatcher_operator.metrics import METRICS
from support import alerts, promql

Known = dict[str, frozenset[str]]

OF_EVERY_PROCESS = ("process_resident_memory_bytes", "process_cpu_seconds_total")
OF_KUBE_STATE_METRICS = {
    "kube_pod_container_resource_limits": frozenset({"namespace", "pod", "container", "resource", "unit", "node"})
}
"""Asked for where another would do as well: on the embedded cluster there is none."""
OF_A_TARGET = frozenset({"job", "instance"})


def known() -> Known:
    """By name, as it is queried: a histogram as its three."""
    found: Known = {**OF_KUBE_STATE_METRICS, **dict.fromkeys(OF_EVERY_PROCESS, frozenset[str]())}
    for metric in (*METRICS, *CAPACITY_METRICS, *BOT_METRICS, *NOTIFICATION_METRICS):
        found |= _queried(metric.name, metric.kind, metric.labels)
    found |= _of_the_api(Metrics().registry)
    for family in text_string_to_metric_families(usage.exposition([]).decode()):
        found |= _queried(family.name, family.type, ("namespace", "pod", "container"))
    for name, record in alerts.records().items():
        found |= _recorded(name, promql.grouped(record["expr"]))
    return found


def _recorded(name: str, grouped: set[str]) -> Known:
    """A record has the labels that its level names: level:metric:operations."""
    level = name.partition(":")[0]
    return {name: frozenset(label for label in grouped if f"_{label}_" in f"_{level}_")}


def _of_the_api(registry: CollectorRegistry) -> Known:
    found: Known = {}
    for collector in registry._collector_to_names:  # it tells its collectors, with their labels, to nobody
        labels = getattr(collector, "_labelnames", ())
        for family in collector.collect() if isinstance(labels, tuple) else ():
            if family.name.startswith("btcwatcher_"):
                found |= _queried(family.name, family.type, labels)
    return found


def _queried(name: str, kind: str, labels: tuple[str, ...]) -> Known:
    own = frozenset(labels)
    if kind == "histogram":
        return {f"{name}_bucket": own | {"le"}, f"{name}_sum": own, f"{name}_count": own}
    return {f"{name.removesuffix('_total')}_total" if kind == "counter" else name: own}
