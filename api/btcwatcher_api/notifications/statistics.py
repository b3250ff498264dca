"""Deliveries counted: one pass over the stretch of time that is asked for, with latencies in a histogram.

Percentiles that sort every latency anew for each channel, each priority and all together would cost several times as
much; counts in buckets can be added up. A bucket is 5 % wide, and a percentile is told as the middle of its bucket.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Double, Integer, Select, case, cast, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.notifications.delivery_filter import DeliveryFilter, conditions
from btcwatcher_api.notifications.tables import deliveries
from btcwatcher_api.notifications.worker.claims import Channel
from btcwatcher_api.notifications.worker.verdicts import DeliveryState
from btcwatcher_api.signals.types import Priority

BUCKET: Final = 1.05
"""Each bucket's upper edge by the one before."""
_LEAST: Final = 0.001
"""Seconds: what is quicker counts as this."""
_MIDDLE: Final = 0.5


@dataclass(slots=True)
class Latencies:
    """How long it took until the vendor had taken a message, from its signal or its replay on."""

    buckets: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0

    def add(self, buckets: Mapping[int, int], longest: float) -> None:
        self.buckets.update(buckets)
        self.longest = max(self.longest, longest)

    @property
    def count(self) -> int:
        return self.buckets.total()

    def percentile(self, share: float) -> float:
        """Seconds that this share of the messages took at most, within 2.5 %. There must be one at least."""
        wanted = math.ceil(share * self.count)
        for bucket in sorted(self.buckets):
            wanted -= self.buckets[bucket]
            if wanted <= 0:
                break
        return min(math.pow(BUCKET, bucket - _MIDDLE), self.longest)


@dataclass(slots=True)
class Counts:
    """Deliveries of one sort."""

    total: int = 0
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)

    def add(self, row: Mapping[str, Any]) -> None:
        count: int = row["count"]
        self.total += count
        self.states[row["state"]] += count
        if row["reason"] is not None:
            self.reasons[row["reason"]] += count
        if row["longest"] is not None:
            self.latencies.add(dict(zip(row["buckets"], row["counts"], strict=True)), row["longest"])


@dataclass(slots=True)
class Statistics:
    """The same deliveries three times."""

    all: Counts = field(default_factory=Counts)
    priorities: dict[Priority, Counts] = field(default_factory=dict)
    channels: dict[Channel, Counts] = field(default_factory=dict)


def query(wanted: DeliveryFilter) -> Select[Any]:
    """One row for each channel, priority, state and reason, with its buckets as two arrays: few rows to read."""
    columns = deliveries.c
    began = func.coalesce(columns.replayed_at, columns.created_at)
    took = cast(func.date_part("epoch", columns.settled_at - began), Double)
    edge = func.ceil(func.ln(func.greatest(took, literal(_LEAST, Double))) / literal(math.log(BUCKET), Double))
    sent: ColumnElement[bool] = columns.state == DeliveryState.SENT
    bucket = case((sent, cast(edge, Integer))).label("bucket")
    keys = (columns.channel_namespace, columns.channel, columns.priority, columns.state, columns.reason)
    longest = func.max(case((sent, took))).label("longest")
    inner = (
        select(*keys, bucket, func.count().label("count"), longest)
        .where(*conditions(wanted))
        .group_by(*keys, bucket)
        .subquery()
    )
    same = [inner.c[key.name] for key in keys]
    return select(
        *same,
        cast(func.sum(inner.c.count), Integer).label("count"),
        func.max(inner.c.longest).label("longest"),
        func.array_agg(inner.c.bucket).label("buckets"),
        func.array_agg(inner.c.count).label("counts"),
    ).group_by(*same)


async def counted(connection: AsyncConnection, wanted: DeliveryFilter) -> Statistics:
    """Works in the caller's transaction."""
    # Nobody has told the planner how few buckets there are: it would sort all rows, where a table of counts is enough.
    await connection.execute(text("SET LOCAL enable_sort = off"))
    return summed((await connection.execute(query(wanted))).mappings())


def summed(rows: Iterable[Mapping[str, Any]]) -> Statistics:
    """Of rows of `query`."""
    found = Statistics()
    for row in rows:
        channel = Channel(row["channel_namespace"], row["channel"])
        for counts in (
            found.all,
            found.priorities.setdefault(Priority(row["priority"]), Counts()),
            found.channels.setdefault(channel, Counts()),
        ):
            counts.add(row)
    return found
