"""Pages of deliveries, and one with its attempts and what it is of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.notifications.delivery_filter import DeliveryFilter, conditions
from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.tables import attempts, deliveries, notices
from btcwatcher_api.signals import repository
from btcwatcher_api.signals.cursor import WrittenCursor, page_of

_PLACE: Final = (deliveries.c.created_at, deliveries.c.id)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of `deliveries`, newest first, and whether there are more on either side."""

    rows: Sequence[RowMapping]
    older: WrittenCursor | None
    newer: WrittenCursor | None


def page_query(wanted: DeliveryFilter, cursor: WrittenCursor | None, limit: int) -> Select[Any]:
    """One row more than the limit, to know whether there are more."""
    query = select(deliveries).where(*conditions(wanted)).limit(limit + 1)
    if cursor is None or not cursor.newer:
        query = query.order_by(*(column.desc() for column in _PLACE))
    else:
        query = query.order_by(*_PLACE)
    if cursor is None:
        return query
    at = literal(cursor.at, deliveries.c.created_at.type)
    beyond = tuple_(at, literal(cursor.id, deliveries.c.id.type))
    # The time alone says less, but Postgres leaves out partitions by it.
    if cursor.newer:
        return query.where(tuple_(*_PLACE) > beyond, deliveries.c.created_at >= at)
    return query.where(tuple_(*_PLACE) < beyond, deliveries.c.created_at <= at)


async def page(connection: AsyncConnection, wanted: DeliveryFilter, cursor: WrittenCursor | None, limit: int) -> Page:
    """By the time of their writing; of those that were written at once in any order, but always in the same."""

    def place(row: RowMapping, newer: bool) -> WrittenCursor:
        return WrittenCursor(row["id"], newer, row["created_at"])

    found = (await connection.execute(page_query(wanted, cursor, limit))).mappings().all()
    return Page(*page_of(found, cursor, limit, place))


async def one(connection: AsyncConnection, identifier: UUID) -> RowMapping | None:
    """The delivery with this id; None if there is none."""
    return (await connection.execute(select(deliveries).where(deliveries.c.id == identifier))).mappings().first()


async def attempts_of(connection: AsyncConnection, identifier: UUID) -> Sequence[RowMapping]:
    """Those of a delivery in their order, each with `together`: how many deliveries went out in the same message."""
    same = attempts.alias("same")
    # All that goes out in one message is claimed at one time.
    together = (
        select(func.count())
        .where(same.c.message_id == attempts.c.message_id, same.c.started_at == attempts.c.started_at)
        .scalar_subquery()
        .label("together")
    )
    query = select(attempts, together).where(attempts.c.delivery_id == identifier).order_by(attempts.c.started_at)
    return (await connection.execute(query)).mappings().all()


async def subject_of(connection: AsyncConnection, kind: str, identifier: UUID) -> RowMapping | None:
    """The row of `signals` or `notices`; None where it has been dropped since."""
    if kind == Kind.SIGNAL:
        return await repository.one(connection, identifier)
    return (await connection.execute(select(notices).where(notices.c.id == identifier))).mappings().first()
