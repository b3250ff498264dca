"""A recovered fill as a row of `signals`: graded as its webhook would have been. Pure."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from btcwatcher_api.collector.fills import Fill
from btcwatcher_api.notifications.routing import NOBODY, Routes
from btcwatcher_api.signals.dedup import EventKey, signal_id
from btcwatcher_api.signals.row import Row, row_of
from btcwatcher_api.signals.types import Event, Source
from btcwatcher_api.strategies.registry import KnownStrategy


def recovered_row(strategy: KnownStrategy, fill: Fill, now: datetime, routes: Routes, notify_within: timedelta) -> Row:
    """The row. Its id is made of the order, so that the same order gives the same row whoever fills it in."""
    event = _event(fill)
    key = _key(strategy.id, fill)
    # Who is told of last week's fills all at once stops reading.
    fresh = now - fill.filled_at <= notify_within
    payload = msgspec.json.encode(_payload(fill))
    return row_of(strategy, event, key, now, payload, routes if fresh else NOBODY, recovered=True)


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


def _key(strategy_id: str, fill: Fill) -> EventKey:
    """That of this order only, never one of a webhook's body or message id."""
    trade_id, opened_at, order_id = fill.key
    text = "\0".join((strategy_id, trade_id, opened_at.isoformat(), order_id, fill.type))
    key = hashlib.blake2b(text.encode(), digest_size=16, person=b"order").digest()
    return EventKey(signal_id(fill.filled_at, key), key, fill.filled_at, seek_from=None)


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
