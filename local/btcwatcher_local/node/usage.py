"""What the containers of this node use, in cAdvisor's words: a kubelet serves the same at `/metrics/cadvisor`.

Of the processes' own figures in /proc: resident memory stands for the working set. Linux only; elsewhere nothing.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from btcwatcher_local import procinfo
from btcwatcher_local.client.quantity import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from btcwatcher_local.client.resources import Obj
    from btcwatcher_local.node.pod import PodWorker

_LABELS = ("namespace", "pod", "container")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of all processes of a container together."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0


def exposition(pods: Iterable[PodWorker]) -> bytes:
    """Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Containers(list(pods), procinfo.by_marker))
    return generate_latest(registry)


class _Containers(Collector):
    def __init__(self, pods: list[PodWorker], processes: Callable[[], Mapping[str, list[int]]]) -> None:
        self._pods = pods
        self._processes = processes

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        cpu = CounterMetricFamily("container_cpu_usage_seconds", "CPU time used, in seconds.", labels=_LABELS)
        memory = GaugeMetricFamily("container_memory_working_set_bytes", "Memory in use.", labels=_LABELS)
        limit = GaugeMetricFamily(
            "container_spec_memory_limit_bytes",
            "Memory limit; 0: none. A local node does not hold to it.",
            labels=_LABELS,
        )
        processes = self._processes()
        for pod in self._pods:
            for name, container in pod.containers.items():
                if not container.record.running or not (pids := processes.get(container.dirs.marker)):
                    continue
                labels = [*pod.key, name]
                used = usage(pids)
                cpu.add_metric(labels, used.cpu_seconds)
                memory.add_metric(labels, used.memory_bytes)
                limit.add_metric(labels, _limit(container.spec))
        yield from (cpu, memory, limit)


def usage(pids: Iterable[int]) -> Usage:
    """What has ended meanwhile counts nothing; what its parent has waited for is its parent's."""
    seconds, memory = 0.0, 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(int(field) for field in fields[11:15]) / _TICKS
            memory += int(fields[21]) * _PAGE
    return Usage(seconds, memory)


def _limit(spec: Obj) -> float:
    return float(parse_quantity(spec.get("resources", {}).get("limits", {}).get("memory")))
