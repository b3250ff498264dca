"""A request's id: the caller's X-Request-ID if it is sane, else one of ours. It is in the answer and in the log."""

import os
import re
import secrets
from collections.abc import Mapping
from itertools import count
from typing import Final

HEADER: Final = b"x-request-id"
_ACCEPTABLE: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_numbers: Final = count(1)


class _Process:
    """Tells this process' ids from all others'."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(6)
        os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.name = secrets.token_hex(6)


_process: Final = _Process()


def of(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(HEADER)
    if given is not None and _ACCEPTABLE.fullmatch(given):
        return given.decode()
    # Unique, not secret: a random number each would cost more than the rest of this.
    return f"{_process.name}-{next(_numbers):x}"
