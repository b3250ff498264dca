"""Values as a person reads them, and text of strangers as Markdown that says nothing but itself."""

import re
import unicodedata
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

TEXT_MAX: Final = 64 * 1024
"""Characters that any piece of text in a template may have."""

_LARGEST: Final = Decimal(10) ** 15
"""Above this, two places behind the point are noise."""

_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>&~|#]")
_LINE_START: Final = re.compile(r"^(\s*)(?:([-+=])|([0-9]{1,9})([.)]))", re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_TITLE_MARKUP: Final = re.compile(r"(?<!\\)(?:\*\*|__|`)|^#{1,6}\s+")
_BLANK_LINES: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


class Markdown(str):
    """Text that is Markdown already: it is not escaped again."""

    __slots__ = ()


class NotPrintableError(TypeError):
    """A template prints what is not a text, number, time or nothing."""


def as_text(value: Any) -> str:
    """A text, number, time or nothing as text. Raises NotPrintableError for all else, such as a list."""
    match value:
        case None:
            return ""
        case Enum():
            return as_text(value.value)
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return number(value)
        case datetime():
            return local_time(value, ZoneInfo("UTC"))
        case UUID():
            return str(value)
        case _:
            raise NotPrintableError(f"a {type(value).__name__} cannot be printed: print a field of it, or use join")


def escape(text: str) -> Markdown:
    """One line that shows exactly the text: nothing in it is markup, a line of its own or invisible."""
    return Markdown(_escape_line(" ".join(text.split())))


def escape_lines(text: str) -> Markdown:
    """As `escape`, but its lines stay lines."""
    return Markdown("\n".join(_escape_line(" ".join(line.split())) for line in text.strip().splitlines()))


def _escape_line(line: str) -> str:
    shown = _SPECIAL.sub(r"\\\g<0>", _visible(line))
    return _LINE_START.sub(lambda at: f"{at[1]}\\{at[2]}" if at[2] else f"{at[1]}{at[3]}\\{at[4]}", shown)


def _visible(line: str) -> str:
    """Without what cannot be seen: control and format characters."""
    if line.isprintable():
        return line
    return "".join(character for character in line if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))


def code(text: str) -> Markdown:
    """As code, in one line."""
    shown = _visible(" ".join(text.split()).replace("`", "'"))
    return Markdown(f"`{shown}`" if shown else "")


def plain(line: str) -> str:
    """A line of Markdown without its markup, for titles."""
    return _ESCAPED.sub(r"\1", _TITLE_MARKUP.sub("", line)).strip()


def tidy(text: str) -> str:
    """Without blank lines at the ends, more than one in a row, and spaces at the ends of lines."""
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.strip().splitlines()))


def number(value: Any, digits: int = 8) -> str:
    """With at most so many significant digits (all of those before the point), and no trailing zeros."""
    exact = to_decimal(value)
    if not exact.is_finite():
        return str(exact)
    # Beyond this a number is nothing that anybody trades: in figures of science, rather than a line of zeros.
    if exact and not -18 <= exact.adjusted() <= 18:
        return f"{exact:.{max(digits - 1, 0)}e}"
    places = max(digits - 1 - exact.adjusted(), 0) if exact else 0
    return _without_noise(exact, places)


def money(value: Any) -> str:
    """An amount of money: two places, or four significant digits below 1."""
    exact = to_decimal(value)
    if exact == exact.to_integral_value() or not 1 <= abs(exact) < _LARGEST:
        return number(exact, 4) if abs(exact) < 1 else number(exact)
    return f"{exact:.2f}"


def signed(text: str) -> str:
    """A number's text with its sign, also if it is above 0."""
    return text if text.startswith("-") or text in ("0", "NaN") else f"+{text}"


def percent(ratio: Any) -> str:
    """0.0033 as +0.33%."""
    exact = to_decimal(ratio) * 100
    shown = f"{exact:.2f}" if exact.is_finite() and abs(exact) < _LARGEST else number(exact)
    return ("0.00" if shown in ("-0.00", "0.00") else signed(shown)) + "%"


def to_decimal(value: Any) -> Decimal:
    """Raises NotPrintableError."""
    if isinstance(value, Decimal):
        return value
    try:
        return Decimal(str(value).strip())
    except ArithmeticError:
        raise NotPrintableError(f"{str(value)[:40]!r} is no number") from None


def local_time(at: datetime, zone: ZoneInfo, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """By the clock of the zone, which is named: an hour without its zone is a riddle."""
    return f"{at.astimezone(zone):{form}} {zone.key}"


def _without_noise(value: Decimal, places: int) -> str:
    if value.adjusted() < 25:
        value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    shown = f"{value:f}"
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return "0" if shown in ("-0", "") else shown
