"""`POST /api/v1/notifications/{id}/replay` and `/replay`: what came to its end is sent again."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api import logs
from btcwatcher_api.access import Trader
from btcwatcher_api.accounts import audit
from btcwatcher_api.accounts.roles import Identity
from btcwatcher_api.declared import Answer, Input
from btcwatcher_api.notifications import history, replay
from btcwatcher_api.notifications.channel_endpoints import KnownChannels
from btcwatcher_api.notifications.delivery_filter import DeliveryFilter, place_of, priorities_of
from btcwatcher_api.notifications.delivery_schemas import ChannelId, Delivery, delivery
from btcwatcher_api.notifications.notices import wake
from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.worker.claims import Channel
from btcwatcher_api.notifications.worker.verdicts import DeliveryState
from btcwatcher_api.problems import Problem, request_id, responses
from btcwatcher_api.signals.filter_query import stretch
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import PriorityName

router = APIRouter(
    prefix="/api/v1/notifications",
    tags=["notifications"],
    responses=responses(401, 403, 422, 500, 503),
)
_log = logs.get("btcwatcher_api.notifications")

_LONGEST: Final = timedelta(days=31)
_MOST: Final = 10_000


class Ended(StrEnum):
    """States of a delivery that nothing more becomes of by itself."""

    SENT = DeliveryState.SENT.value
    FAILED = DeliveryState.FAILED.value
    SKIPPED = DeliveryState.SKIPPED.value


class ReplayWanted(Input):
    """Which deliveries are to be sent again; what is left out does not filter."""

    namespace: Annotated[str | None, Field(max_length=63)] = None
    """Of the channel."""
    channel: Annotated[str | None, Field(max_length=127, examples=["trading.desk"])] = None
    """A name, or an id <namespace>.<name>."""
    strategy_id: Annotated[str | None, Field(max_length=117, examples=["trading.ema-cross"])] = None
    subject_id: UUID | None = None
    """The signal or notice that they are of."""
    priority: Annotated[list[PriorityName], Field(default_factory=list)]
    kind: Annotated[list[Kind], Field(default_factory=list)]
    state: Annotated[list[Ended], Field(min_length=1, default_factory=lambda: [Ended.FAILED])]
    """Failed, if left out."""
    reason: Annotated[list[ChannelReason], Field(default_factory=list)]
    since: datetime | None = None
    """Written from here on; a day before `until` if left out, 31 at most. UTC without a zone."""
    until: datetime | None = None
    """Written before this; now if left out."""
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 1_000
    """The oldest so many."""
    dry_run: bool = False
    """Only say how many there are."""


class Gone(Answer):
    """A channel that is no longer there."""

    channel: ChannelId
    deliveries: int
    """Those to it, which are left alone."""


class Replayed(Answer):
    """What became of a wish to send deliveries again."""

    dry_run: bool
    deliveries: int
    """How many are sent again, or would be."""
    more: bool
    """Whether the filter finds more of them than `limit`."""
    gone: list[Gone]
    """Channels that the filter finds deliveries to, but that are no longer there."""


@router.post(
    "/replay",
    operation_id="replayDeliveries",
    status_code=202,
    summary="Have many deliveries sent again",
    responses=responses(400, 408, 413),
)
async def replay_deliveries(request: Request, channels: KnownChannels, by: Trader, body: ReplayWanted) -> Replayed:
    """Those that failed, if nothing else is asked for. They wait like new ones: the channel's rate limit, quiet hours
    and grouping hold for them, and P1 and P2 go out together."""
    since, until = stretch(body.since, body.until, _LONGEST)
    place = place_of(body.namespace, body.channel)
    if place is None:
        return Replayed(dry_run=body.dry_run, deliveries=0, more=False, gone=[])
    wanted = DeliveryFilter(
        namespace=place[0],
        channel=place[1],
        strategy_id=body.strategy_id,
        subject_id=body.subject_id,
        priorities=priorities_of(body.priority),
        kinds=frozenset(body.kind),
        states=frozenset(DeliveryState(state) for state in body.state),
        reasons=frozenset(body.reason),
        since=since,
        until=until,
    )
    known = [Channel(channel.namespace, channel.name) for channel in channels.channels()]
    async with request.app.state.changing.begin() as connection:
        found = await replay.find(connection, wanted, known, body.limit)
        replayed = found.deliveries
        if not body.dry_run:
            replayed = await replay.many(connection, wanted, known, body.limit)
            said = body.model_dump(mode="json", exclude_defaults=True)
            await _noted(request, connection, by, "deliveries", deliveries=replayed, filter=said)
    if not body.dry_run:
        _log.info("notification.replay", by=by.name, deliveries=replayed, request_id=request_id(request.scope))
    gone = [Gone(channel=f"{one.namespace}.{one.name}", deliveries=count) for one, count in found.gone.items()]
    return Replayed(dry_run=body.dry_run, deliveries=replayed, more=found.more, gone=gone)


@router.post(
    "/{delivery_id}/replay",
    operation_id="replayDelivery",
    status_code=202,
    summary="Have a delivery sent again",
    responses=responses(404, 409),
)
async def replay_delivery(request: Request, channels: KnownChannels, by: Trader, delivery_id: UUID) -> Delivery:
    """Whatever became of it, also if it was sent. Its attempts so far stay in its history."""
    async with request.app.state.changing.begin() as connection:
        row = await history.one(connection, delivery_id)
        if row is None:
            raise Problem(404, "there is no such delivery")
        channel = Channel(row["channel_namespace"], row["channel"])
        if channels.get(*channel) is None:
            raise Problem(409, f"the NotificationChannel {channel.namespace}.{channel.name} is no longer there")
        again = await replay.one(connection, delivery_id)
        if again is None:
            raise Problem(409, "it waits to be sent already")
        await _noted(request, connection, by, str(delivery_id))
    _log.info("notification.replay", by=by.name, subject=str(delivery_id), request_id=request_id(request.scope))
    return delivery(again)


async def _noted(request: Request, connection: AsyncConnection, by: Identity, subject: str, **detail: object) -> None:
    """Its row in the audit log, and the workers told, with the change or not at all."""
    identity = request_id(request.scope)
    await audit.record(
        connection, actor=by.name, action="notification.replay", subject=subject, request_id=identity, **detail
    )
    await wake(connection)
