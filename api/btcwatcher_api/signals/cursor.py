"""Page cursors: the id of a page's last row and the way to go from there, as one opaque word.

An id begins with its event's time, so a cursor stays valid whatever is added or dropped meanwhile.
"""

import base64
import binascii
from typing import NamedTuple
from uuid import UUID

_NEWER = b"n"
_OLDER = b"o"
_LENGTH = 17


class Cursor(NamedTuple):
    """Where a page begins: beyond this id, towards newer or older signals."""

    id: UUID
    newer: bool

    def encode(self) -> str:
        raw = (_NEWER if self.newer else _OLDER) + self.id.bytes
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Raises ValueError for what no answer of ours ever held."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("is not a cursor: take `next` or `previous` of an answer") from None
    if len(raw) != _LENGTH or raw[:1] not in (_NEWER, _OLDER):
        raise ValueError("is not a cursor: take `next` or `previous` of an answer")
    return Cursor(UUID(bytes=raw[1:]), raw[:1] == _NEWER)
