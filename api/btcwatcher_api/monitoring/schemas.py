"""What the monitoring endpoints answer."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from btcwatcher_api.monitoring.trading import TradingFigures
from btcwatcher_api.sources import DataSource
from btcwatcher_api.system.capacity import Figures


class _Answer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class NodeUsage(_Answer):
    """What is used on a node, as node exporter tells; null where Prometheus has no such series."""

    cpu_cores: float | None = None
    memory_bytes: float | None = None
    disk_bytes: float | None = None
    """Of its root file system."""
    disk_size_bytes: float | None = None
    network_received_bytes_per_second: float | None = None
    """Over the last five minutes, without loopback."""
    network_sent_bytes_per_second: float | None = None


class NodeMonitoring(_Answer):
    """One node: what is asked for, and what is used."""

    name: str
    ready: bool
    schedulable: bool
    bots: int
    resources: Figures
    usage: NodeUsage | None


class SystemMonitoring(_Answer):
    """Every node."""

    sources: list[DataSource]
    nodes: list[NodeMonitoring]


class BotMonitoring(_Answer):
    """One Strategy and its pod."""

    id: str
    ready: bool
    reason: str | None
    since: datetime | None
    """When Ready became what it is."""
    node: str | None
    phase: str | None
    """Of its pod; null without one."""
    restarts: int | None
    """Of its container, since the pod was made."""
    cpu_cores: float | None
    """Over the last five minutes, from Prometheus."""
    memory_bytes: float | None
    trading: TradingFigures | None
    """Null where Prometheus is not configured or does not scrape the collector."""


class StrategiesMonitoring(_Answer):
    """Every Strategy, by id."""

    sources: list[DataSource]
    items: list[BotMonitoring]
    total: int
    next: str | None
    """`after` of the next page; null on the last."""


class Trouble(_Answer):
    """A Strategy that does not do what is wanted."""

    id: str
    reason: str | None
    message: str
    since: datetime | None


class HealthSummary(_Answer):
    """All at a glance."""

    sources: list[DataSource]
    ok: bool
    """Every Strategy is Ready, every node too, and capacity is below its threshold."""
    strategies: int
    ready: int
    troubled: list[Trouble]
    """The first hundred, those longest in trouble first."""
    nodes_not_ready: list[str]
    capacity_short: bool
