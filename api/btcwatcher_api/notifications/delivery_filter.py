"""Which deliveries are asked for: as query parameters of the history and the statistics, and as SQL."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy import Column, ColumnElement, bindparam

from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.tables import deliveries
from btcwatcher_api.notifications.worker.verdicts import DeliveryState
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals.filter_query import aware
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.names import split_strategy_id
from btcwatcher_crds.notification_channel import PriorityName


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries; None and empty do not filter. Times are aware: `since` inclusive, `until` exclusive."""

    namespace: str | None = None
    """Of the channel."""
    channel: str | None = None
    strategy_id: str | None = None
    subject_id: UUID | None = None
    priorities: frozenset[Priority] = field(default_factory=frozenset)
    kinds: frozenset[Kind] = field(default_factory=frozenset)
    states: frozenset[DeliveryState] = field(default_factory=frozenset)
    reasons: frozenset[ChannelReason] = field(default_factory=frozenset)
    since: datetime | None = None
    until: datetime | None = None


# A coroutine, for FastAPI gives functions to another thread, which costs more than this does.
async def _wanted(
    namespace: Annotated[str | None, Query(max_length=63, description="The channel's namespace")] = None,
    channel: Annotated[
        str | None,
        Query(max_length=127, description="A channel's name, or its id <namespace>.<name>", examples=["desk"]),
    ] = None,
    strategy_id: Annotated[
        str | None, Query(max_length=117, description="<namespace>.<name>", examples=["trading.ema-cross"])
    ] = None,
    subject_id: Annotated[UUID | None, Query(description="The signal or notice that it is of")] = None,
    priority: Annotated[list[PriorityName] | None, Query(description="One or more")] = None,
    kind: Annotated[list[Kind] | None, Query(description="One or more")] = None,
    state: Annotated[list[DeliveryState] | None, Query(description="One or more")] = None,
    reason: Annotated[list[ChannelReason] | None, Query(description="One or more")] = None,
    since: Annotated[datetime | None, Query(description="Written from here on; UTC without a zone")] = None,
    until: Annotated[datetime | None, Query(description="Written before this; UTC without a zone")] = None,
) -> DeliveryFilter | None:
    place = place_of(namespace, channel)
    if place is None:
        return None
    return DeliveryFilter(
        namespace=place[0],
        channel=place[1],
        strategy_id=strategy_id,
        subject_id=subject_id,
        priorities=priorities_of(priority),
        kinds=frozenset(kind or ()),
        states=frozenset(state or ()),
        reasons=frozenset(reason or ()),
        since=aware("since", since),
        until=aware("until", until),
    )


Wanted = Annotated[DeliveryFilter | None, Depends(_wanted)]
"""The filters combined with AND; None where no delivery can meet them all."""


def place_of(namespace: str | None, channel: str | None) -> tuple[str | None, str | None] | None:
    """Namespace and name of a channel that is given by name or id; None where they contradict each other.

    Raises Problem 422.
    """
    if channel is None or "." not in channel:
        return namespace, channel
    try:
        of_channel, name = split_strategy_id(channel)
    except ValueError as error:
        raise Problem(422, f"channel: {error}", [("channel", str(error))]) from error
    return (of_channel, name) if namespace in (None, of_channel) else None


def priorities_of(names: Iterable[PriorityName] | None) -> frozenset[Priority]:
    return frozenset(Priority[name] for name in names or ())


def conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    """What a row must meet."""
    columns = deliveries.c
    found: list[ColumnElement[bool]] = []
    for column, value in (
        (columns.channel_namespace, wanted.namespace),
        (columns.channel, wanted.channel),
        (columns.strategy, wanted.strategy_id),
        (columns.subject_id, wanted.subject_id),
    ):
        if value is not None:
            found.append(column == value)
    several: tuple[tuple[Column[Any], Collection[int | str]], ...] = (
        (columns.priority, [int(priority) for priority in wanted.priorities]),
        (columns.kind, wanted.kinds),
        (columns.reason, wanted.reasons),
    )
    found += [column.in_(values) for column, values in several if values]
    if wanted.states:
        # Said as literals: an index holds only what was not sent, and parameters would hide that from the planner.
        found.append(
            columns.state.in_(bindparam("states", sorted(wanted.states), expanding=True, literal_execute=True))
        )
    if wanted.since is not None:
        found.append(columns.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(columns.created_at < wanted.until)
    return found
