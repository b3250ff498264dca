"""`/api/v1/system/...`: how full the platform is, and whether its parts work."""

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from btcwatcher_api.access import Admin, viewer
from btcwatcher_api.changes import audited
from btcwatcher_api.cluster.machines import Machines
from btcwatcher_api.monitoring.trends import FigureTrend, Hours, Points, utilization
from btcwatcher_api.problems import responses
from btcwatcher_api.settings import Settings
from btcwatcher_api.signals import statistics
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.sources import DataSource, SourceName, Sources, SourceState
from btcwatcher_api.strategies import schemas as strategies
from btcwatcher_api.strategies.access import Known
from btcwatcher_api.system import capacity as shapes
from btcwatcher_api.system.fleet import fleet_figures
from btcwatcher_api.system.health import Check, checks_of
from btcwatcher_api.system.threshold import CONFIG_MAP, AlertThreshold

router = APIRouter(
    prefix="/api/v1/system",
    tags=["system"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 403, 422, 500, 503),
)

_STARTED: Final = time.monotonic()
_DAY: Final = timedelta(days=1)


async def _machines(request: Request) -> Machines:
    machines: Machines = request.app.state.machines
    return machines


async def _threshold(request: Request) -> AlertThreshold:
    threshold: AlertThreshold = request.app.state.alert_threshold
    return threshold


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


MachinesOf = Annotated[Machines, Depends(_machines)]
ThresholdOf = Annotated[AlertThreshold, Depends(_threshold)]
SettingsOf = Annotated[Settings, Depends(_settings)]


@router.get("/capacity", operation_id="getCapacity", summary="How full the platform is, and what is the fullest")
async def get_capacity(
    known: Known, machines: MachinesOf, threshold: ThresholdOf, settings: SettingsOf
) -> shapes.Capacity:
    """`taken` is what pods have asked for: the scheduler goes by it. What they use is in /monitoring/system."""
    sources = Sources()
    sources.ok(SourceName.WATCH)
    seen = await sources.kubernetes(machines.picture())
    percent = await sources.kubernetes(threshold.read()) or threshold.percent
    items = known.items()
    ports = shapes.port_pool(*settings.ports, items)
    resources = shapes.figures(seen.allocatable, seen.requested) if seen is not None else None
    return shapes.Capacity(
        sources=sources.told(),
        nodes=shapes.node_count(seen) if seen is not None else None,
        resources=resources,
        pending_pods=seen.pending if seen is not None else None,
        ports=shapes.PortRange(**ports.model_dump(include=set(shapes.PortRange.model_fields))),
        strategies=len(items),
        alert=shapes.alert(percent, ports, resources),
    )


@router.get(
    "/capacity/detailed",
    operation_id="getCapacityDetailed",
    summary="Node by node, and what the operator makes of it: how many more fit, what binds, when it is full",
)
async def get_capacity_detailed(request: Request, machines: MachinesOf) -> shapes.DetailedCapacity:
    sources = Sources()
    seen = await sources.kubernetes(machines.picture())
    fleet = await fleet_figures(request.app.state.cluster, sources)
    bots = seen.bots if seen is not None else ()
    return shapes.DetailedCapacity(
        sources=sources.told(),
        nodes=shapes.node_by_node(seen) if seen is not None else [],
        bots=len(bots),
        bots_cpu_cores=round(sum(bot.requested.cpu for bot in bots), 3),
        bots_memory_bytes=sum(bot.requested.memory for bot in bots),
        fleet=fleet,
    )


@router.get("/capacity/utilization-trend", operation_id="getUtilizationTrend", summary="How the platform filled up")
async def get_utilization_trend(request: Request, hours: Hours = 24, points: Points = 100) -> FigureTrend:
    """What is asked for of what there is, and the share of ports and places that is taken, from what the collector
    records; what nodes really use (`cpu_used`, `memory_used`) from Prometheus."""
    return await utilization(request, hours, points)


@router.post(
    "/capacity/alert-threshold",
    operation_id="setAlertThreshold",
    summary="Set when capacity counts as short",
    responses=responses(409, 413, 502),
)
async def set_alert_threshold(
    request: Request, by: Admin, threshold: ThresholdOf, body: shapes.Threshold
) -> shapes.Threshold:
    """Kept in the ConfigMap `btcwatcher-capacity` in the API's namespace, and told as the metric
    `btcwatcher_capacity_alert_threshold_ratio`, which alert rules compare with."""
    async with audited(request, by, "capacity.alert_threshold", CONFIG_MAP, threshold_percent=body.threshold_percent):
        await threshold.put(body.threshold_percent)
    return body


@router.get("/port-pool", operation_id="getPortPool", summary="Which Strategy has which port")
async def get_port_pool(known: Known, settings: SettingsOf) -> shapes.PortPool:
    return shapes.port_pool(*settings.ports, known.items())


class SignalCounts(BaseModel):
    """Of the last 24 hours."""

    total: int
    recovered: int
    entries: int
    exits: int
    levels: dict[str, int]


class Statistics(BaseModel):
    """What there is, in numbers."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: str
    uptime_seconds: int
    """Of the API's process that answers."""
    strategies: strategies.Overview
    signals_24h: SignalCounts
    database_size_bytes: int


@router.get("/statistics", operation_id="getStatistics", summary="What there is, in numbers")
async def get_statistics(request: Request, known: Known, connection: Reading) -> Statistics:
    now = datetime.now(UTC)
    rows = await statistics.by_strategy(connection, Filter(since=now - _DAY, until=now + _DAY))
    counts = statistics.summed(rows)
    size = (await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one()
    return Statistics(
        version=request.app.version,
        uptime_seconds=int(time.monotonic() - _STARTED),
        strategies=strategies.overview(known.items()),
        signals_24h=SignalCounts(
            total=counts.total,
            recovered=counts.recovered,
            entries=counts.entries,
            exits=counts.exits,
            levels=counts.levels,
        ),
        database_size_bytes=size,
    )


class SystemHealth(BaseModel):
    """Whether the parts work."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ok: bool
    """All of them; a source that is not configured is none of them."""
    version: str
    checks: list[Check]
    sources: list[DataSource]


@router.get("/health", operation_id="getSystemHealth", summary="Whether Postgres, Kubernetes and Prometheus answer")
async def get_system_health(request: Request) -> SystemHealth:
    """Always 200: whether signals can be taken is /readyz, for machines."""
    sources = Sources()
    prometheus = sources.configured(request.app.state.prometheus)
    if prometheus is not None:
        await sources.prometheus(prometheus.query("vector(1)"))
    checks = await checks_of(request)
    told = sources.told()
    return SystemHealth(
        ok=all(check.ok for check in checks) and all(one.state is not SourceState.UNAVAILABLE for one in told),
        version=request.app.version,
        checks=checks,
        sources=told,
    )
