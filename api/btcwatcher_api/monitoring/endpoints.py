"""`/api/v1/monitoring/...`: how nodes and bots are doing."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from btcwatcher_api.access import viewer
from btcwatcher_api.declared import condition, conditions
from btcwatcher_api.monitoring import queries, schemas
from btcwatcher_api.monitoring.trading import trading
from btcwatcher_api.monitoring.trends import CapacityTrend, Hours, Points
from btcwatcher_api.monitoring.trends import capacity as capacity_trend
from btcwatcher_api.problems import responses
from btcwatcher_api.prometheus import Sample
from btcwatcher_api.sources import SourceName, Sources
from btcwatcher_api.strategies import schemas as strategies
from btcwatcher_api.strategies.access import Known
from btcwatcher_api.system import capacity
from btcwatcher_api.system.endpoints import MachinesOf, SettingsOf, ThresholdOf
from btcwatcher_crds.conditions import ConditionType
from btcwatcher_crds.names import pod, split_strategy_id

router = APIRouter(
    prefix="/api/v1/monitoring",
    tags=["monitoring"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 422, 500, 503),
)

_MOST_TROUBLED: Final = 100
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@router.get("/system", operation_id="getSystemMonitoring", summary="What is asked for and used on every node")
async def get_system(request: Request, machines: MachinesOf) -> schemas.SystemMonitoring:
    sources = Sources()
    seen = await sources.kubernetes(machines.picture())
    prometheus = sources.configured(request.app.state.prometheus)
    told = None
    if prometheus is not None:
        told = await sources.prometheus(queries.instant(prometheus, queries.NODE_QUERIES))
    lines = capacity.node_by_node(seen) if seen is not None else []
    addresses = {node.name: node.addresses for node in seen.nodes} if seen is not None else {}
    nodes = [
        schemas.NodeMonitoring(**line.model_dump(), usage=usage_of(addresses[line.name], told) if told else None)
        for line in lines
    ]
    return schemas.SystemMonitoring(sources=sources.told(), nodes=nodes)


def usage_of(addresses: Iterable[str], told: Mapping[str, list[Sample]]) -> schemas.NodeUsage:
    """The figures of the instance that has one of the node's names or addresses."""
    names = frozenset(addresses)

    def value(samples: list[Sample]) -> float | None:
        for sample in samples:
            host = sample.labels.get("instance", "").rpartition(":")[0] or sample.labels.get("instance", "")
            if host.strip("[]") in names:
                return sample.value
        return None

    return schemas.NodeUsage(**{name: value(samples) for name, samples in told.items()})


@router.get(
    "/strategies", operation_id="getStrategiesMonitoring", summary="Every bot: its pod, what it uses and how it trades"
)
async def get_strategies(
    request: Request,
    known: Known,
    machines: MachinesOf,
    namespace: Annotated[str | None, Query(max_length=63)] = None,
    after: Annotated[str | None, Query(max_length=117, description="`next` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> schemas.StrategiesMonitoring:
    sources = Sources()
    sources.ok(SourceName.WATCH)
    seen = await sources.kubernetes(machines.picture())
    prometheus = sources.configured(request.app.state.prometheus)
    told = None
    if prometheus is not None:
        asked = {**queries.BOT_QUERIES, **queries.TRADING_QUERIES}
        told = await sources.prometheus(queries.instant(prometheus, asked))
    figures = trading({name: (told or {}).get(name, []) for name in queries.TRADING_QUERIES})
    pods = {bot.strategy: bot for bot in seen.bots} if seen is not None else {}
    used = {
        name: {(one.labels.get("namespace"), one.labels.get("pod")): one.value for one in samples}
        for name, samples in (told or {}).items()
    }
    lines = _lines(known.items(), namespace)
    left = [line for line in lines if after is None or line.id > after]
    items = []
    for line in left[:limit]:
        place = split_strategy_id(line.id)
        bot = pods.get(place)
        label = (place[0], pod(place[1]))
        items.append(
            schemas.BotMonitoring(
                id=line.id,
                ready=line.ready,
                reason=line.reason,
                since=line.since,
                node=bot.node if bot else None,
                phase=bot.phase if bot else None,
                restarts=bot.restarts if bot else None,
                cpu_cores=used.get("cpu_cores", {}).get(label),
                memory_bytes=used.get("memory_bytes", {}).get(label),
                trading=figures.get(place),
            )
        )
    return schemas.StrategiesMonitoring(
        sources=sources.told(),
        items=items,
        total=len(lines),
        next=items[-1].id if len(left) > limit else None,
    )


@router.get(
    "/capacity/trend",
    operation_id="getCapacityTrend",
    summary="How many Strategies, ports and places there were, and what would have run out first",
)
async def get_capacity_trend(request: Request, hours: Hours = 24, points: Points = 100) -> CapacityTrend:
    """From what the collector records: without a row of that time `sources` says so and there are no series."""
    return await capacity_trend(request, hours, points)


@router.get("/health-summary", operation_id="getHealthSummary", summary="All at a glance, and who is in trouble")
async def get_health_summary(
    known: Known, machines: MachinesOf, threshold: ThresholdOf, settings: SettingsOf
) -> schemas.HealthSummary:
    sources = Sources()
    sources.ok(SourceName.WATCH)
    seen = await sources.kubernetes(machines.picture())
    items = known.items()
    lines = _lines(items, None)
    troubled = sorted((line for line in lines if not line.ready), key=lambda line: line.since or _LONG_AGO)
    down = [node.name for node in seen.nodes if not node.ready] if seen is not None else []
    resources = capacity.figures(seen.allocatable, seen.requested) if seen is not None else None
    alert = capacity.alert(threshold.percent, capacity.port_pool(*settings.ports, items), resources)
    return schemas.HealthSummary(
        sources=sources.told(),
        ok=not troubled and not down and not alert.reached and seen is not None,
        strategies=len(lines),
        ready=len(lines) - len(troubled),
        troubled=[
            schemas.Trouble(id=line.id, reason=line.reason, message=line.message, since=line.since)
            for line in troubled[:_MOST_TROUBLED]
        ],
        nodes_not_ready=down,
        capacity_short=alert.reached,
    )


class _Line(strategies.StrategySummary):
    since: datetime | None


def _lines(items: Iterable[Mapping[str, Any]], namespace: str | None) -> list[_Line]:
    """By id, with the moment that Ready became what it is."""
    found = []
    for item in items:
        ready = condition(conditions(item), ConditionType.READY)
        line = _Line(
            **strategies.summary(item).model_dump(), since=ready.last_transition_time if ready is not None else None
        )
        if namespace is None or line.namespace == namespace:
            found.append(line)
    return sorted(found, key=lambda line: line.id)
