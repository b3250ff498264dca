"""When two messages are one event: retries become one row, two events stay two rows even where their fields are alike.

The key of an event is a hash of its whole body. Whether an equal body is the same event depends on its time:

- it states when it happened (exits, first entries, protection locks, plain signals with a timestamp): the same event,
  however late it comes again. The primary key (id, event_time) holds that, on any replica, without looking.
- the fill of a first entry: it states which trade it opened, not when it was filled. The same event from the opening
  on.
- it states no time of its own (status, warnings, messages, sub-trade entries, cancelled entries): the same event within
  a window that is longer than any sender's retries and shorter than the shortest candle; after it, a new event.

A sender that signs (Standard Webhooks) gives each message an id, the same in every attempt: then the key is a hash of
that, and tells retries for three days.

A row's id is made of its key and its event time: 48 bits of milliseconds come first, so ids sort by time and tell their
partition.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from btcwatcher_api.signals.types import TRADE_TYPES, Event

_CLOCKS_DIFFER: Final = timedelta(hours=1)
"""How far a bot's clock may be off from ours before the fill of an entry is sought in vain."""
_MESSAGE_ID_LIFE: Final = timedelta(days=3)
"""How long a message's own id is sought; longer than any sender goes on trying."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_VERSION_BITS: Final = 0x8 << 76
_VARIANT_BITS: Final = 0x2 << 62


@dataclass(frozen=True, slots=True)
class EventKey:
    """What makes a row unique."""

    id: UUID
    key: bytes
    """16 bytes: hash of the Strategy and the whole body."""
    event_time: datetime
    seek_from: datetime | None
    """None: the primary key alone tells retries. Otherwise a row with this key from here on is the same event."""


def event_key(
    strategy_id: str,
    body: dict[str, Any],
    event: Event,
    received_at: datetime,
    window: timedelta,
    message_id: str | None = None,
) -> EventKey:
    """The key of an event that was received at `received_at`. `body` is the decoded JSON; key order does not matter.

    `message_id`: the sender's own name for the message, if it gives any.
    """
    if message_id is None:
        key = body_key(strategy_id, body)
    else:
        key = message_key(strategy_id, message_id)
        window = _MESSAGE_ID_LIFE
    if event.happened_at is not None:
        return EventKey(signal_id(event.happened_at, key), key, event.happened_at, None)
    seek_from = received_at - window
    if event.unique_since is not None:
        seek_from = min(seek_from, event.unique_since - _CLOCKS_DIFFER)
    return EventKey(signal_id(received_at, key), key, received_at, seek_from)


def body_key(strategy_id: str, body: dict[str, Any]) -> bytes:
    """16 bytes that equal bodies of one Strategy share."""
    digest = hashlib.blake2b(strategy_id.encode(), digest_size=16)
    digest.update(b"\0")
    digest.update(msgspec.json.encode(body, order="sorted"))
    return digest.digest()


def message_key(strategy_id: str, message_id: str) -> bytes:
    """16 bytes that all attempts to deliver one message share; never those of a body."""
    return hashlib.blake2b(f"{strategy_id}\0id\0{message_id}".encode(), digest_size=16, person=b"message").digest()


def signal_id(event_time: datetime, key: bytes) -> UUID:
    """A version 8 UUID: 48 bits of time, 74 bits of the key."""
    digest = int.from_bytes(key, "big")
    high = (digest >> 62) & 0xFFF
    low = digest & ((1 << 62) - 1)
    return UUID(int=(_milliseconds(event_time) << 80) | _VERSION_BITS | (high << 64) | _VARIANT_BITS | low)


def first_id_at(moment: datetime) -> UUID:
    """The least id that an event at this time or later can have: turns a time into a bound on ids."""
    return UUID(int=_milliseconds(moment) << 80)


def first_id_after(moment: datetime) -> UUID:
    """Above every id of an event of this millisecond or before."""
    return UUID(int=(_milliseconds(moment) + 1) << 80)


def time_range_of(identifier: UUID) -> tuple[datetime, datetime] | None:
    """The millisecond [from, until) an id's event happened in; None if no id of ours says so."""
    if (identifier.int >> 76) & 0xF != 0x8:
        return None
    try:
        begin = _EPOCH + timedelta(milliseconds=identifier.int >> 80)
    except OverflowError:
        return None
    return begin, begin + _MILLISECOND


def order_key(event: Event) -> str | None:
    """What a webhook and the bot's own trade history have in common of one order: how recovery knows what is there.

    Trade dates in the history are cut to seconds, so are they here; numbers are written without trailing zeros.
    None for what is no event of an order.
    """
    if event.type not in TRADE_TYPES or event.trade_id is None:
        return None
    opened = _compact(event.trade_opened_at) if event.trade_opened_at else ""
    parts = (event.trade_id, opened, event.type, _canonical(event.amount), _canonical(event.price))
    return "/".join(parts)


def _canonical(number: Decimal | None) -> str:
    if number is None:
        return ""
    return f"{number.normalize():f}"


def _compact(moment: datetime) -> str:
    """As strftime("%Y%m%dT%H%M%SZ") at a fifth of its cost."""
    return moment.isoformat(timespec="seconds").replace("-", "").replace(":", "")[:15] + "Z"


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
