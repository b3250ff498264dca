"""Kubernetes' quantities (`250m`, `1Gi`) as plain numbers: cores, bytes, counts. Pure."""

from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

_FACTORS: Final = {
    **{suffix: Decimal(10) ** power for suffix, power in (("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3))},
    **{suffix: Decimal(10) ** (6 + 3 * index) for index, suffix in enumerate("MGTPE")},
    **{f"{suffix}i": Decimal(2) ** (10 * index) for index, suffix in enumerate("KMGTPE", 1)},
}
_MOST: Final = Decimal(2**63 - 1)
"""Kubernetes keeps no more."""


def number(quantity: object) -> float:
    """0 for what is no quantity: one odd object must not hide all others."""
    return float(_exact(str(quantity)))


def thousandths(quantity: object) -> int:
    """Rounded up, as the scheduler counts CPU: `250m` is 250. 0 for what is no quantity."""
    return int((_exact(str(quantity)) * 1000).to_integral_value(ROUND_CEILING))


def whole(quantity: object) -> int:
    """Rounded up, as the scheduler counts all else: `1Gi` is 1073741824. 0 for what is no quantity."""
    return int(_exact(str(quantity)).to_integral_value(ROUND_CEILING))


@lru_cache(maxsize=4096)
def _exact(quantity: str) -> Decimal:
    text = quantity.strip()
    suffix = text.lstrip("+-.0123456789")
    # `1e3` and `1E3` are exponents, `1E` is exa.
    exponent = len(suffix) > 1 and suffix[0] in "eE"
    try:
        value = Decimal(text) if exponent else Decimal(text.removesuffix(suffix)) * _FACTORS[suffix]
        return max(min(value, _MOST), -_MOST)
    except (InvalidOperation, KeyError):
        return Decimal(0)
