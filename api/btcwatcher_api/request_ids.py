"""A request's id: the caller's X-Request-ID if it is sane, else one of ours. It is in the answer and in the log."""

import re
import secrets
from collections.abc import Mapping
from itertools import count
from typing import Final

HEADER: Final = b"x-request-id"
_ACCEPTABLE: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_process: Final = secrets.token_hex(6)
_numbers: Final = count(1)


def of(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(HEADER)
    if given is not None and _ACCEPTABLE.fullmatch(given):
        return given.decode()
    # Unique, not secret: a random number each would cost more than the rest of this.
    return f"{_process}-{next(_numbers):x}"
