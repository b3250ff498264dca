"""Kubernetes resource quantities ("250m", "1Gi", "2e3") as exact numbers, and back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_SUFFIXES = {
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
}


def parse_quantity(text: str | int | float | None) -> Decimal:
    """Value in base units (cores, bytes); ValueError for what is no quantity, 0 for None."""
    if text is None:
        return Decimal(0)
    raw = str(text).strip()
    try:
        for suffix, factor in _SUFFIXES.items():
            if raw.endswith(suffix):
                return Decimal(raw.removesuffix(suffix)) * factor
        return Decimal(raw)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a resource quantity") from error
