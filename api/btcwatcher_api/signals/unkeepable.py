"""Which strings of a body hold what can be written in JSON and kept nowhere: NUL, and half of a surrogate pair.

Asked only of a body that was refused already, to say what is wrong with it: a look at every string of every body would
cost more than all the rest of reading it.
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from btcwatcher_api.signals.fields import FieldError

_MOST: Final = 10
_NAME_LENGTH: Final = 64
_PATH_LENGTH: Final = 200
_NUL: Final = "holds a NUL character (\\u0000), which Postgres cannot keep: send it without"
_HALF: Final = (
    "holds half of a surrogate pair ({}), which is no character: send both halves, or the character itself in UTF-8"
)


class _Payload(msgspec.Struct):
    payload: msgspec.Raw


def unkeepable(body: bytes) -> list[FieldError]:
    """The first few fields with such a string. None where the body is no JSON for another reason."""
    try:
        # The lenient one: it takes half a pair. Numbers stay text, however long they are.
        decoded = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return []
    return list(islice(_wrong("", decoded), _MOST))


def refused_fields(row: bytes) -> list[FieldError]:
    """The same of the body in a row that Postgres refused."""
    try:
        payload = msgspec.json.decode(row, type=_Payload).payload
    except msgspec.MsgspecError:
        return []
    return unkeepable(bytes(payload))


def _wrong(begin: str, whole: Any) -> Iterator[FieldError]:
    # A name at a time: those of all strings of a deep body together would be many times its size.
    waiting: list[Iterator[tuple[str, Any]]] = [iter([(begin, whole)])]
    while waiting:
        field, value = next(waiting[-1], (None, None))
        if field is None:
            waiting.pop()
        elif isinstance(value, str):
            if message := _message(value):
                yield FieldError(field or "body", message)
        elif isinstance(value, list):
            waiting.append(_items(field, value))
        elif isinstance(value, dict):
            yield from _wrong_names(field, value)
            waiting.append(_fields(field, value))


def _wrong_names(field: str, fields: dict[str, Any]) -> Iterator[FieldError]:
    for name in fields:
        if message := _message(name):
            yield FieldError(_joined(field, name), f"its name {message}")


def _items(field: str, items: list[Any]) -> Iterator[tuple[str, Any]]:
    return ((f"{field}[{index}]"[-_PATH_LENGTH:], item) for index, item in enumerate(items))


def _fields(field: str, fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((_joined(field, name), value) for name, value in fields.items())


def _message(text: str) -> str | None:
    if "\0" in text:
        return _NUL
    half = next((letter for letter in text if "\ud800" <= letter <= "\udfff"), None)
    return None if half is None else _HALF.format(_visible(half))


def _joined(field: str, name: str) -> str:
    shown = _visible(name[:_NAME_LENGTH])
    return f"{field}.{shown}"[-_PATH_LENGTH:] if field else shown


def _visible(text: str) -> str:
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
