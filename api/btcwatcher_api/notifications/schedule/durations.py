"""Durations as the contract writes them."""

import re
from datetime import timedelta
from typing import Final

_DURATION: Final = re.compile(r"(?:(?P<hours>[0-9]{1,4})h)?(?:(?P<minutes>[0-9]{1,4})m)?(?:(?P<seconds>[0-9]{1,5})s)?")


def parse_duration(text: str) -> timedelta:
    """Of "30s", "5m" or "1h30m". Raises ValueError."""
    match = _DURATION.fullmatch(text) if text else None
    if match is None:
        raise ValueError(f'{text!r} is not a duration in hours, minutes and seconds, such as "30s", "5m" or "1h30m"')
    return timedelta(**{unit: int(number) for unit, number in match.groupdict().items() if number is not None})
