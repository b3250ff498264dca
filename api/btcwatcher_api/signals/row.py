"""A signal as a row of `signals`, whoever brings it: a webhook, or the collector that finds it afterwards. Pure."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from btcwatcher_api.notifications.routing import Routes
from btcwatcher_api.signals.dedup import EventKey, order_key
from btcwatcher_api.signals.grading import grade
from btcwatcher_api.signals.types import Event
from btcwatcher_api.strategies.registry import KnownStrategy


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `signals` as JSON carries it to the statement."""

    id: UUID
    event_time: datetime
    received_at: datetime
    event_key: str
    """As Postgres reads bytea: \\x and hex digits."""
    dated: bool
    seek_from: datetime | None
    order_key: str | None
    namespace: str
    strategy: str
    source: str
    type: str
    pair: str | None
    direction: str | None
    trade_id: str | None
    trade_opened_at: datetime | None
    sub_trade: bool | None
    price: Decimal | None
    amount: Decimal | None
    stake: Decimal | None
    stake_currency: str | None
    profit_ratio: Decimal | None
    profit_amount: Decimal | None
    enter_tag: str | None
    exit_reason: str | None
    message: str | None
    strength: Decimal | None
    level: str | None
    priority: int | None
    recovered: bool = False
    payload: msgspec.Raw
    channels: list[str] = []
    """The NotificationChannels that are told of it, as namespace/name."""


def row_of(
    strategy: KnownStrategy,
    event: Event,
    key: EventKey,
    received: datetime,
    payload: bytes,
    routes: Routes,
    *,
    recovered: bool = False,
) -> Row:
    """The event graded by its Strategy's own thresholds. `payload` is JSON, `routes` the Strategy's."""
    graded = grade(event, strategy.signals)
    return Row(
        id=key.id,
        event_time=key.event_time,
        received_at=received,
        event_key="\\x" + key.key.hex(),
        dated=key.seek_from is None,
        seek_from=key.seek_from,
        order_key=order_key(event),
        namespace=strategy.namespace,
        strategy=strategy.name,
        source=event.source,
        type=event.type,
        pair=event.pair,
        direction=event.direction,
        trade_id=event.trade_id,
        trade_opened_at=event.trade_opened_at,
        sub_trade=event.sub_trade,
        price=event.price,
        amount=event.amount,
        stake=event.stake,
        stake_currency=event.stake_currency,
        profit_ratio=event.profit_ratio,
        profit_amount=event.profit_amount,
        enter_tag=event.enter_tag,
        exit_reason=event.exit_reason,
        message=event.message,
        strength=graded.strength,
        level=graded.level,
        priority=graded.priority,
        recovered=recovered,
        payload=msgspec.Raw(payload),
        channels=[] if graded.priority is None else routes[graded.priority],
    )
