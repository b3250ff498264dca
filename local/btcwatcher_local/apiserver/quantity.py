"""resource.Quantity: parsed exactly, printed in the canonical form of the real server."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")


def parse(text: str) -> Fraction:
    """The value; ValueError when the text is no quantity."""
    return _parse(text)[0]


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Fraction, str]:
    found = _FORM.fullmatch(text)
    if not found:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, suffix = Fraction(found[1]), found[2] or ""
    if suffix in _DECIMAL:
        return number * Fraction(1000) ** (_DECIMAL.index(suffix) - 3), "decimal"
    if suffix in _BINARY:
        return number * 1024 ** _BINARY.index(suffix), "binary"
    return number * Fraction(10) ** int(suffix[1:]), "exponent"


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """No fraction, the largest suffix that allows it; raises ValueError like parse."""
    value, form = _parse(text)
    if form == "binary" and abs(value) >= 1024:
        return _binary(value)
    nano = value * 10**9
    count = -((-nano.numerator) // nano.denominator) if value > 0 else nano.numerator // nano.denominator
    if count == 0:
        return "0"
    exponent = -9
    while count % 1000 == 0 and exponent < 18:
        count //= 1000
        exponent += 3
    if form == "exponent":
        return f"{count}e{exponent}" if exponent else str(count)
    return f"{count}{_DECIMAL[exponent // 3 + 3]}"


def _binary(value: Fraction) -> str:
    count = -((-value.numerator) // value.denominator)
    power = 0
    while count % 1024 == 0 and power < len(_BINARY) - 1:
        count //= 1024
        power += 1
    return f"{count}{_BINARY[power]}"
