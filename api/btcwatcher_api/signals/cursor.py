"""Page cursors, and the ids of streamed events: a place in an order of signals, or of deliveries, as one opaque word.

A place is a signal, not a number of signals: so a cursor stays good whatever is added or dropped meanwhile.
"""

import base64
import struct
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

_VERSION: Final = 1
_NEWER: Final = 0b01
_BY_ARRIVAL: Final = 0b10
_BY_WRITING: Final = 0b100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_BODY: Final = struct.Struct(">BBQ16s")
_SUM: Final = struct.Struct(">I")
_NO_CURSOR: Final = "is not a cursor: take `next` or `previous` of an answer"
_OTHER_LIST: Final = "is of another list: take `next` or `previous` of an answer of this one"
_OTHER_VERSION: Final = "is of another version of the API: begin again without it"


class Position(NamedTuple):
    """A place in the order of arrival: the number of the transaction that stored a signal, and the signal in it."""

    arrival: int
    id: UUID


class Cursor(NamedTuple):
    """Where a page begins: beyond this signal, towards newer or older ones."""

    id: UUID
    newer: bool
    arrival: int | None = None
    """In the order of arrival; None in the order of the events' times."""

    def encode(self) -> str:
        flags = (_NEWER if self.newer else 0) | (_BY_ARRIVAL if self.arrival is not None else 0)
        return _packed(flags, self.arrival or 0, self.id)


class WrittenCursor(NamedTuple):
    """Where a page of what is listed by the time of its writing begins."""

    id: UUID
    newer: bool
    at: datetime

    def encode(self) -> str:
        flags = _BY_WRITING | (_NEWER if self.newer else 0)
        return _packed(flags, (self.at - _EPOCH) // _MICROSECOND, self.id)


Place = TypeVar("Place", Cursor, WrittenCursor)
Item = TypeVar("Item")


def page_of(
    found: Sequence[Item], cursor: Place | None, limit: int, place: Callable[[Item, bool], Place]
) -> tuple[list[Item], Place | None, Place | None]:
    """The items of a page, newest first, and where its older and its newer side go on.

    `found` are those beyond the cursor, in its direction, one more than the limit if there are; `place` makes a cursor
    of an item and whether it is towards newer ones.
    """
    items = list(found[:limit])
    if cursor is not None and cursor.newer:
        items.reverse()
        if not items:
            # Nothing newer yet: the same question may be asked again.
            return items, cursor._replace(newer=False), cursor
        return items, place(items[-1], False), place(items[0], True)
    newer = place(items[0], True) if items else (cursor and cursor._replace(newer=True))
    return items, place(items[-1], False) if len(found) > limit else None, newer


def decode(text: str) -> Cursor:
    """Raises ValueError for what no answer of ours, or one of another list, ever held."""
    flags, arrival, identifier = _unpacked(text)
    if flags & _BY_WRITING:
        raise ValueError(_OTHER_LIST)
    return Cursor(identifier, bool(flags & _NEWER), arrival if flags & _BY_ARRIVAL else None)


def decode_written(text: str) -> WrittenCursor:
    """Raises ValueError as `decode` does."""
    flags, microseconds, identifier = _unpacked(text)
    if not flags & _BY_WRITING:
        raise ValueError(_OTHER_LIST)
    try:
        return WrittenCursor(identifier, bool(flags & _NEWER), _EPOCH + microseconds * _MICROSECOND)
    except OverflowError:
        raise ValueError(_NO_CURSOR) from None


def _packed(flags: int, number: int, identifier: UUID) -> str:
    body = _BODY.pack(_VERSION, flags, number, identifier.bytes)
    return base64.urlsafe_b64encode(body + _SUM.pack(zlib.crc32(body))).decode().rstrip("=")


def _unpacked(text: str) -> tuple[int, int, UUID]:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise ValueError(_NO_CURSOR) from None
    body, checksum = raw[: -_SUM.size], raw[-_SUM.size :]
    if len(checksum) < _SUM.size or _SUM.unpack(checksum)[0] != zlib.crc32(body) or not body:
        raise ValueError(_NO_CURSOR)
    if body[0] != _VERSION:
        raise ValueError(_OTHER_VERSION)
    if len(body) != _BODY.size:
        raise ValueError(_NO_CURSOR)
    _, flags, number, identifier = _BODY.unpack(body)
    return flags, number, UUID(bytes=identifier)


def event_id(position: Position) -> str:
    """What a streamed event is called: a cursor of what arrived after it."""
    return Cursor(position.id, newer=True, arrival=position.arrival).encode()


def position_of(cursor: Cursor) -> Position:
    """Raises ValueError for a cursor in the order of the events' times."""
    if cursor.arrival is None:
        raise ValueError("is a cursor of a list by time: take the id of an event, or `previous` of `order=arrival`")
    return Position(cursor.arrival, cursor.id)
