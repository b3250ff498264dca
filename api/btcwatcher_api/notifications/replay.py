"""Sending again what came to its end: one delivery, or many by a filter. Works in the caller's transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    RowMapping,
    Select,
    Text,
    and_,
    any_,
    func,
    literal,
    not_,
    null,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.notifications.delivery_filter import DeliveryFilter, conditions
from btcwatcher_api.notifications.tables import deliveries
from btcwatcher_api.notifications.worker.claims import Channel
from btcwatcher_api.notifications.worker.verdicts import DeliveryState

_KEY: Final = ("subject_id", "channel_namespace", "channel", "created_at")
_TEXTS: Final = ARRAY(Text())
_PLACE: Final = (deliveries.c.created_at, deliveries.c.id)


@dataclass(frozen=True, slots=True)
class Found:
    """What a filter finds."""

    deliveries: int
    """Those that can be sent again, up to the limit."""
    more: bool
    """Whether there are more of them than the limit."""
    gone: Mapping[Channel, int]
    """Those whose channel is no longer there, up to the limit as well."""


async def one(connection: AsyncConnection, identifier: UUID) -> RowMapping | None:
    """Have it sent again; its new row. None if it waits already, or is not there."""
    picked = select(deliveries).where(deliveries.c.id == identifier).cte("picked")
    answer = await connection.execute(_again(picked).returning(*deliveries.c))
    return answer.mappings().first()


async def find(connection: AsyncConnection, wanted: DeliveryFilter, known: Collection[Channel], limit: int) -> Found:
    """What `many` would do, and what it leaves alone."""
    some = _page(select(literal(1)), wanted, _among(known), limit + 1).subquery()
    counted: int = (await connection.execute(select(func.count()).select_from(some))).scalar_one()
    columns = deliveries.c.channel_namespace, deliveries.c.channel
    lost = _page(select(*columns), wanted, not_(_among(known)), limit).subquery()
    rows = await connection.execute(select(*lost.c, func.count()).group_by(*lost.c).order_by(*lost.c))
    return Found(min(counted, limit), counted > limit, {Channel(row[0], row[1]): row[2] for row in rows})


async def many(connection: AsyncConnection, wanted: DeliveryFilter, known: Collection[Channel], limit: int) -> int:
    """Have the oldest of what the filter finds sent again; how many."""
    key = [deliveries.c[name] for name in _KEY]
    picked = (
        _page(select(*key), wanted, _among(known), limit).with_for_update().cte("picked").prefix_with("MATERIALIZED")
    )
    return (await connection.execute(_again(picked))).rowcount


def _again(picked: CTE) -> Any:
    """Its first life leaves nothing but the rows of its attempts: also its age counts from now on."""
    now = func.statement_timestamp()
    same = [deliveries.c[name] == picked.c[name] for name in _KEY]
    return (
        update(deliveries)
        .values(
            state=DeliveryState.PENDING,
            attempts=0,
            reason=null(),
            settled_at=null(),
            replayed_at=now,
            next_attempt_at=now,
        )
        .where(*same, deliveries.c.state != DeliveryState.PENDING)
    )


def _page(query: Select[Any], wanted: DeliveryFilter, place: ColumnElement[bool], limit: int) -> Select[Any]:
    return query.where(and_(*conditions(wanted), place)).order_by(*_PLACE).limit(limit)


def _among(known: Collection[Channel]) -> ColumnElement[bool]:
    # One array, which Postgres hashes: a thousand pairs would be compared with each row one by one.
    return deliveries.c.channel_namespace + "/" + deliveries.c.channel == any_(literal(list(map(str, known)), _TEXTS))
