"""What bots' containers use, by namespace and pod: of the kubelets' cAdvisor."""

from typing import Final

from btcwatcher_crds import names

_BOT: Final = f'container="{names.CONTAINER_BOT}"'


def memory(which: str = "") -> str:
    """Working sets. `which` are matchers, each with a comma after it."""
    return f"max by (namespace, pod) (container_memory_working_set_bytes{{{which}{_BOT}}})"


def memory_limit(which: str = "") -> str:
    """Of bots that have one. kube-prometheus-stack drops cAdvisor's, and has kube-state-metrics' in its place."""
    of_the_kubelet = f"container_spec_memory_limit_bytes{{{which}{_BOT}}} > 0"
    of_the_cluster = f'kube_pod_container_resource_limits{{{which}{_BOT},resource="memory"}}'
    return f"max by (namespace, pod) ({of_the_kubelet} or {of_the_cluster})"


def cpu(which: str = "") -> str:
    """Cores."""
    return f"sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{{which}{_BOT}}}[$__rate_interval]))"


# Recorded by rules/btcwatcher.yaml, since a day of them is too much to work out at each refresh.
CPU_PEAKS: Final = "namespace_pod:btcwatcher_bot_cpu_usage_seconds:max5m_rate2m"
"""Cores in the busiest two of the last five minutes: bots work when a candle closes."""
MEMORY_PEAKS: Final = "namespace_pod:btcwatcher_bot_memory_working_set_bytes:max5m"


def needed(peaks: str) -> str:
    """What 95 of 100 of these peaks of the last day stay below."""
    return f"max by (namespace, pod) (quantile_over_time(0.95, {peaks}[1d]))"
