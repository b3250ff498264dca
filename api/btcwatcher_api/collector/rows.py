"""A recovered fill as a row of `signals`: graded as its webhook would have been. Pure."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from btcwatcher_api.collector.fills import Fill
from btcwatcher_api.signals.dedup import order_key, signal_id
from btcwatcher_api.signals.deliveries import channels_of
from btcwatcher_api.signals.grading import grade
from btcwatcher_api.signals.types import Event, Source
from btcwatcher_api.signals.writer import Row
from btcwatcher_api.strategies.registry import KnownStrategy


def recovered_row(strategy: KnownStrategy, fill: Fill, now: datetime, notify_within: timedelta) -> Row:
    """The row. Its id is made of the order, so that the same order gives the same row whoever fills it in."""
    event = _event(fill)
    graded = grade(event, strategy.signals)
    key = _key(strategy.id, fill)
    # Who is told of last week's fills all at once stops reading.
    fresh = now - fill.filled_at <= notify_within
    return Row(
        id=signal_id(fill.filled_at, key),
        event_time=fill.filled_at,
        received_at=now,
        event_key="\\x" + key.hex(),
        dated=True,
        seek_from=None,
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
        message=None,
        strength=graded.strength,
        level=graded.level,
        priority=graded.priority,
        recovered=True,
        payload=msgspec.Raw(msgspec.json.encode(_payload(fill))),
        channels=channels_of(graded, strategy.signals.notify) if fresh else [],
    )


def _event(fill: Fill) -> Event:
    return Event(
        source=Source.FREQTRADE,
        type=fill.type,
        happened_at=fill.filled_at,
        pair=fill.pair,
        direction=fill.direction,
        trade_id=fill.trade_id,
        trade_opened_at=fill.opened_at,
        sub_trade=fill.sub_trade,
        price=fill.price,
        amount=fill.amount,
        stake=fill.stake,
        stake_currency=fill.stake_currency,
        profit_ratio=fill.profit_ratio,
        profit_amount=fill.profit_amount,
        enter_tag=fill.enter_tag,
        exit_reason=fill.exit_reason,
    )


def _key(strategy_id: str, fill: Fill) -> bytes:
    """16 bytes that only this order has; never those of a webhook's body or message id."""
    trade_id, opened_at, order_id = fill.key
    text = "\0".join((strategy_id, trade_id, opened_at.isoformat(), order_id, fill.type))
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"order").digest()


def _payload(fill: Fill) -> dict[str, Any]:
    """What the bot's API said, in the names of its webhook, and the order's own id."""
    return {
        "type": fill.type,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "pair": fill.pair,
        "direction": fill.direction,
        "open_date": fill.opened_at,
        "order_filled_date": fill.filled_at,
        "order_rate": f"{fill.price:f}",
        "amount": f"{fill.amount:f}",
        "enter_tag": fill.enter_tag,
        "exit_reason": fill.exit_reason,
        "sub_trade": fill.sub_trade,
    }
