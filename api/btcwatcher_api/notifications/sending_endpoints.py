"""`POST /api/v1/notifications/send` and `/test`: messages by hand."""

import asyncio
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from btcwatcher_api import logs
from btcwatcher_api.access import Trader
from btcwatcher_api.accounts import audit
from btcwatcher_api.accounts.roles import Identity
from btcwatcher_api.declared import Answer, Input
from btcwatcher_api.notifications import history
from btcwatcher_api.notifications.channel_endpoints import KnownChannels
from btcwatcher_api.notifications.delivery_schemas import ChannelId, DeliveryDetail, detail
from btcwatcher_api.notifications.notices import NewNotice, Written, wake, write
from btcwatcher_api.notifications.registry import ChannelRegistry, KnownChannel
from btcwatcher_api.notifications.routing import routes
from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.worker.verdicts import DeliveryState
from btcwatcher_api.problems import Problem, request_id, responses
from btcwatcher_api.signals.types import Priority
from btcwatcher_api.strategies.access import Known
from btcwatcher_api.strategies.registry import KnownStrategy
from btcwatcher_crds.notification_channel import PriorityName

router = APIRouter(
    prefix="/api/v1/notifications",
    tags=["notifications"],
    responses=responses(400, 401, 403, 408, 413, 422, 500, 503),
)
_log = logs.get("btcwatcher_api.notifications")

_CHANNELS_MAX: Final = 100
_LONGEST_WAIT: Final = 20
_LOOK_SECONDS: Final = 0.2
_NO_NUL: Final = r"^[^\x00]*$"

_Channel = Annotated[str, Field(max_length=127, examples=["trading.desk"])]


class ManualMessage(Input):
    """A message by hand."""

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]
    """One line."""
    body: Annotated[str, Field(max_length=4_000, pattern=_NO_NUL)] = ""
    """Shown as it is: its marks are no Markdown, its lines stay lines."""
    priority: PriorityName = PriorityName.P1
    """P0 goes out at once, also in quiet hours; P1 is grouped; P2 becomes part of a digest."""
    channels: Annotated[list[_Channel], Field(max_length=_CHANNELS_MAX, default_factory=list)]
    """Ids of NotificationChannels that are told, whatever their own filters."""
    strategy_id: Annotated[str | None, Field(max_length=117, examples=["trading.ema-cross"])] = None
    """The Strategy that it is about: the channels that its signals of this priority go to are told too."""


class ToSend(Answer):
    """A delivery that waits to be sent."""

    id: UUID
    channel: ChannelId


class MessageTaken(Answer):
    """The message is on disk, and goes out as the channels' own rules say."""

    id: UUID
    """The notice; `subject_id` of its deliveries."""
    created_at: datetime
    deliveries: list[ToSend]


class ChannelTest(Input):
    """Which channel is tested."""

    channel: _Channel
    wait: Annotated[int, Field(ge=0, le=_LONGEST_WAIT)] = 10
    """Seconds to wait for the outcome."""


@router.post("/send", operation_id="sendMessage", status_code=202, summary="Send a message by hand")
async def send_message(
    request: Request, channels: KnownChannels, known: Known, by: Trader, body: ManualMessage
) -> MessageTaken:
    """To the channels named, and to those that a Strategy has. What was answered 202 is on disk."""
    if not body.channels and body.strategy_id is None:
        raise _bad("channels", "give channels, a strategy_id, or both")
    priority, strategy = Priority[body.priority], None
    if body.strategy_id is not None:
        strategy = known.get(body.strategy_id)
        if strategy is None:
            raise _bad("strategy_id", f"there is no Strategy {body.strategy_id}")
    keys = [_channel(channels, f"channels[{at}]", name).key for at, name in enumerate(body.channels)]
    if strategy is not None:
        keys += _of_strategy(strategy, priority, channels)
        if not keys:
            raise _bad("strategy_id", f"none of its channels takes {body.priority}: name channels")
    keys = list(dict.fromkeys(keys))
    namespaces = {key.partition("/")[0] for key in keys}
    notice = NewNotice(
        kind=Kind.MANUAL,
        namespace=strategy.namespace if strategy is not None else namespaces.pop() if len(namespaces) == 1 else "",
        strategy=strategy,
        priority=priority,
        title=body.title.strip(),
        body=body.body,
        author=by.name,
    )
    written = await _written(request, by, "notification.send", notice, keys)
    return MessageTaken(
        id=written[0].notice_id,
        created_at=written[0].created_at,
        deliveries=[ToSend(id=one.id, channel=f"{one.channel_namespace}.{one.channel}") for one in written],
    )


@router.post(
    "/test",
    operation_id="testChannel",
    summary="Send a test message to a channel and say what became of it",
    responses={202: {"model": DeliveryDetail, "description": "Nothing is known yet: look again at this delivery"}},
)
async def test_channel(
    request: Request, response: Response, channels: KnownChannels, by: Trader, body: ChannelTest
) -> DeliveryDetail:
    """It goes out at once, in quiet hours and though the channel is paused, and is tried once; only the channel's
    rate limit holds it back. A success ends the pause."""
    channel = _channel(channels, "channel", body.channel)
    notice = NewNotice(
        kind=Kind.TEST,
        namespace=channel.namespace,
        priority=Priority.P0,
        title="Test",
        body="A test message.",
        author=by.name,
    )
    written = (await _written(request, by, "notification.test", notice, [channel.key]))[0]
    found = await _outcome(request, written, body.wait)
    if found.state is DeliveryState.PENDING:
        response.status_code = 202
    response.headers["Location"] = f"{router.prefix}/{written.id}"
    return found


async def _written(
    request: Request, by: Identity, action: str, notice: NewNotice, channels: list[str]
) -> list[Written]:
    """The notice and its deliveries, with their row in the audit log, in one transaction."""
    identity = request_id(request.scope)
    async with request.app.state.changing.begin() as connection:
        written = await write(connection, notice, channels)
        await audit.record(
            connection,
            actor=by.name,
            action=action,
            subject=str(written[0].notice_id),
            request_id=identity,
            channels=[key.replace("/", ".", 1) for key in channels],
            priority=notice.priority.name,
            strategy_id=notice.strategy.id if notice.strategy is not None else None,
        )
        await wake(connection)
    _log.info(action, subject=str(written[0].notice_id), by=by.name, deliveries=len(written), request_id=identity)
    return written


async def _outcome(request: Request, written: Written, seconds: float) -> DeliveryDetail:
    """The delivery once it is settled, or after so many seconds as it is."""
    ends = asyncio.get_running_loop().time() + seconds
    while True:
        left = ends - asyncio.get_running_loop().time()
        async with request.app.state.engine.connect() as connection:
            row = await history.one(connection, written.id)
            if row is None:
                raise RuntimeError("a delivery vanished while its outcome was waited for")
            if row["state"] != DeliveryState.PENDING or left <= 0:
                attempts = await history.attempts_of(connection, written.id)
                return detail(row, attempts, await history.subject_of(connection, row["kind"], row["subject_id"]))
        await asyncio.sleep(min(_LOOK_SECONDS, left))


def _channel(channels: ChannelRegistry, field: str, identifier: str) -> KnownChannel:
    namespace, _, name = identifier.partition(".")
    found = channels.get(namespace, name)
    if found is None:
        raise _bad(field, f"there is no NotificationChannel {identifier[:127]}")
    return found


def _of_strategy(strategy: KnownStrategy, priority: Priority, channels: ChannelRegistry) -> list[str]:
    labels = strategy.item["metadata"].get("labels") or {}
    return routes(strategy.namespace, labels, strategy.signals.notify, channels.channels())[priority]


def _bad(field: str, message: str) -> Problem:
    return Problem(422, f"{field}: {message}", [(field, message)])
