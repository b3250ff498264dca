"""Reads single values out of a JSON body, whatever JSON type they came as, and collects what is wrong with them.

freqtrade formats every value into a string: "None", "False", "nan". What cannot be read is an error that names its
field; nothing is guessed and nothing passes through a float.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NOT_A_NUMBER: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_NUMBERS: Final = (str, int, Decimal)  # a tuple: making the union anew at each call costs more than the check
_MAX_DIGITS: Final = 80
_MAX_EXPONENT: Final = 40

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 100_000_000_000
"""An epoch number from here on is milliseconds: as seconds it would be the year 5138."""


class FieldError(NamedTuple):
    """One field of a body and what is wrong with it."""

    field: str
    message: str


class InvalidBody(Exception):  # noqa: N818 - it is the body that is invalid
    """The body is JSON, but not a signal. `errors` names every field that is wrong."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


class Fields:
    """One body. `nulls` are the strings that stand for no value."""

    __slots__ = ("_body", "_nulls", "errors")

    def __init__(self, body: dict[str, Any], nulls: tuple[str, ...] = ()) -> None:
        self._body = body
        self._nulls = nulls
        self.errors: list[FieldError] = []

    def wrong(self, field: str, message: str) -> None:
        self.errors.append(FieldError(field, message))

    def check(self) -> None:
        """Raises InvalidBody when any field read so far was wrong."""
        if self.errors:
            raise InvalidBody(*self.errors)

    def text(self, field: str, longest: int, *, required: bool = False) -> str | None:
        """A string and nothing else. `longest` is in characters."""
        value = self._body.get(field)
        if value is None or (value.__class__ is str and value in self._nulls):
            if required:
                self.wrong(field, "is required")
            return None
        if not isinstance(value, str):
            self.wrong(field, f"must be a string, not {_json_name(value)}")
            return None
        if len(value) > longest:
            self.wrong(field, f"is longer than {longest} characters")
            return None
        if required and not value.strip():
            self.wrong(field, "is required")
            return None
        return value

    def label(self, field: str, longest: int) -> str | None:
        """A name or number that somebody else gave, such as a trade's id: JSON numbers are taken as their digits."""
        value = self._body.get(field)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            digits = str(value)
            if len(digits) <= longest:
                return digits
            self.wrong(field, f"is longer than {longest} characters")
            return None
        return self.text(field, longest)

    def number(self, field: str) -> Decimal | None:
        """A number or its decimal string. "nan" and "inf", which freqtrade can say, are no value."""
        value = self._body.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, _NUMBERS):
            self.wrong(field, f"must be a decimal number, not {_json_name(value)}")
            return None
        if value in self._nulls:
            return None
        number = read_number(value)
        if number is not None:
            return number
        if self._nulls and isinstance(value, str) and _NOT_A_NUMBER.fullmatch(value):
            return None
        self.wrong(field, 'must be a decimal number such as "0.25"')
        return None

    def strength(self, field: str = "signal_strength") -> Decimal | None:
        """A number from 0 to 1."""
        before = len(self.errors)
        value = self.number(field)
        if value is None:
            raw = self._body.get(field)
            if raw is not None and raw not in self._nulls and len(self.errors) == before:
                self.wrong(field, "must be a number from 0 to 1")
            return None
        if not 0 <= value <= 1:
            self.wrong(field, "must be a number from 0 to 1")
            return None
        return value

    def flag(self, field: str) -> bool | None:
        value = self._body.get(field)
        if value is None or isinstance(value, bool):
            return value
        if value in self._nulls:
            return None
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        self.wrong(field, "must be true or false")
        return None

    def moment(self, field: str) -> datetime | None:
        """An ISO 8601 time (UTC where it names no zone), or seconds or milliseconds since 1970."""
        value = self._body.get(field)
        if value is None or value in self._nulls:
            return None
        moment = read_moment(value)
        if moment is None:
            self.wrong(field, 'must be a time such as "2026-11-22T19:50:37Z", between the years 2000 and 2100')
        return moment


def read_number(value: str | int | Decimal) -> Decimal | None:
    """The exact number; None if it is none, or too long or too large to be money."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > _MAX_DIGITS or _NUMBER.fullmatch(text) is None:
        return None
    number = Decimal(text)
    if number and not -_MAX_EXPONENT <= number.adjusted() <= _MAX_EXPONENT:
        return None
    return number


def read_moment(value: object) -> datetime | None:
    """An aware UTC time, or None."""
    try:
        if isinstance(value, str):
            if value.isascii() and value.isdigit():
                return read_moment(int(value))
            moment = datetime.fromisoformat(value.strip())
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            seconds = Decimal(value) / 1000 if value >= _MILLISECONDS_FROM else Decimal(value)
            whole = int(seconds)
            moment = datetime.fromtimestamp(whole, UTC).replace(microsecond=int((seconds - whole) * 1_000_000))
        else:
            return None
    except (ValueError, OverflowError, OSError, ArithmeticError):
        return None
    return moment if _EARLIEST <= moment < _LATEST else None


def _json_name(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "a number"
