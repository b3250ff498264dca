"""`GET /api/v1/notifications/statistics`"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import Field

from btcwatcher_api.access import viewer
from btcwatcher_api.declared import Answer
from btcwatcher_api.notifications import statistics
from btcwatcher_api.notifications.delivery_filter import DeliveryFilter, Wanted
from btcwatcher_api.notifications.delivery_schemas import ChannelId
from btcwatcher_api.notifications.statistics import Counts, Latencies, Statistics
from btcwatcher_api.problems import responses
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.signals.filter_query import stretch
from btcwatcher_crds.notification_channel import PriorityName

router = APIRouter(
    prefix="/api/v1/notifications",
    tags=["notifications"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 422, 500, 503),
)

_LONGEST: Final = timedelta(days=31)
_CHANNELS: Final = 100
_DIGITS: Final = 4


class LatencyAnswer(Answer):
    """Seconds from the signal's (or the replay's) being stored until the vendor had taken the message: percentiles
    within 2.5 %. What a digest or quiet hours held back has waited for them."""

    count: int
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class DeliveryCounts(Answer):
    """How many deliveries of which kind."""

    total: int
    states: Annotated[dict[str, int], Field(examples=[{"Sent": 41, "Failed": 1}])]
    reasons: Annotated[dict[str, int], Field(examples=[{"Sent": 41, "Rejected": 1}])]
    """What has not been tried yet has none."""
    latency: LatencyAnswer | None
    """Of those that were sent; null if none was."""


class PriorityCounts(DeliveryCounts):
    """Those of one priority."""

    priority: PriorityName


class ChannelCounts(DeliveryCounts):
    """Those to one channel."""

    channel: ChannelId


class DeliveryStatistics(DeliveryCounts):
    """All deliveries that were written in a stretch of time, counted."""

    since: datetime
    until: datetime
    priorities: list[PriorityCounts]
    channel_count: int
    """How many channels there were deliveries to."""
    channels: list[ChannelCounts]
    """Those with most of them, a hundred at most."""


@router.get("/statistics", operation_id="getDeliveryStatistics", summary="Deliveries of a stretch of time, counted")
async def get_statistics(connection: Reading, wanted: Wanted) -> DeliveryStatistics:
    """The last day, if nothing else is asked for; at most 31 days at once."""
    filtered = wanted or DeliveryFilter()
    since, until = stretch(filtered.since, filtered.until, _LONGEST)
    found = Statistics()
    if wanted is not None:
        found = await statistics.counted(connection, replace(wanted, since=since, until=until))
    most = sorted(found.channels.items(), key=lambda item: (-item[1].total, item[0]))[:_CHANNELS]
    return DeliveryStatistics(
        since=since,
        until=until,
        priorities=[
            PriorityCounts(priority=PriorityName(priority.name), **_counts(counts))
            for priority, counts in sorted(found.priorities.items())
        ],
        channel_count=len(found.channels),
        channels=[
            ChannelCounts(channel=f"{channel.namespace}.{channel.name}", **_counts(counts)) for channel, counts in most
        ],
        **_counts(found.all),
    )


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "total": counts.total,
        "states": dict(counts.states),
        "reasons": dict(counts.reasons),
        "latency": _latency(counts.latencies) if counts.latencies.count else None,
    }


def _latency(latencies: Latencies) -> LatencyAnswer:
    shares = {f"p{share}": round(latencies.percentile(share / 100), _DIGITS) for share in (50, 90, 95, 99)}
    return LatencyAnswer(count=latencies.count, max=round(latencies.longest, _DIGITS), **shares)
