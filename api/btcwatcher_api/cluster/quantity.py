"""Kubernetes' quantities (`250m`, `1Gi`) as plain numbers: cores, bytes, counts. Pure."""

from typing import Final

_FACTORS: Final = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}


def number(quantity: object) -> float:
    """0 for what is no quantity: one odd object must not hide all others."""
    text = str(quantity).strip()
    suffix = text.lstrip("+-.0123456789")
    # `1e3` and `1E3` are exponents, `1E` is exa.
    try:
        if len(suffix) > 1 and suffix[0] in "eE":
            return float(text)
        return float(text.removesuffix(suffix)) * _FACTORS[suffix]
    except (ValueError, KeyError):
        return 0.0
