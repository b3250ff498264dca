"""Pages of signals as they go over the wire, without a model for each row: reading pages is what the API does most.

`schemas.Signal` describes the same to people and to clients; a test holds the two against each other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Text, cast

from btcwatcher_api.signals.table import signals

_TEXTS: Final = ("id", "strength", "price", "amount", "stake", "profit_ratio", "profit_amount")
"""What Postgres itself writes out: ids, and numbers as decimal strings, never with an exponent."""


class WireSignal(msgspec.Struct, frozen=True, gc=False):
    """One signal of a page; its fields in the order of `columns`."""

    id: str
    namespace: str
    strategy: str
    source: str
    type: str
    pair: str | None
    direction: str | None
    level: str | None
    strength: str | None
    priority: int | None
    event_time: datetime
    received_at: datetime
    trade_id: str | None
    trade_opened_at: datetime | None
    sub_trade: bool | None
    price: str | None
    amount: str | None
    stake: str | None
    stake_currency: str | None
    profit_ratio: str | None
    profit_amount: str | None
    enter_tag: str | None
    exit_reason: str | None
    message: str | None
    recovered: bool
    strategy_id: str


class _Page(msgspec.Struct, frozen=True, gc=False):
    items: list[WireSignal]
    next: str | None
    previous: str | None


def _column(name: str) -> ColumnElement[Any]:
    if name == "strategy_id":
        return (signals.c.namespace + "." + signals.c.strategy).label(name)
    return cast(signals.c[name], Text).label(name) if name in _TEXTS else signals.c[name]


columns: Final = [_column(name) for name in WireSignal.__struct_fields__]
"""What a statement selects, before anything else of its own, for its rows to be written."""
_WIDTH: Final = len(columns)
_encoder: Final = msgspec.json.Encoder()


def page(rows: Sequence[Sequence[Any]], older: str | None, newer: str | None) -> bytes:
    """The JSON of a page. The sessions that read have the time zone UTC."""
    return _encoder.encode(_Page([WireSignal(*row[:_WIDTH]) for row in rows], older, newer))
