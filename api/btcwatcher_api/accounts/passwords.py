"""Hashing and checking passwords: argon2id, off the event loop, a few at a time."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final, TypeVar

from pwdlib import PasswordHash

from btcwatcher_api.problems import unavailable

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
_AT_ONCE: Final = 2
"""Each costs 64 MiB and a core for its time: more at once would be slower for all, and a way to fill the memory."""
_MOST_WAITING: Final = 32

_T = TypeVar("_T")


class Passwords:
    """argon2id with pwdlib's recommended parameters."""

    def __init__(self) -> None:
        self._hasher = PasswordHash.recommended()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobodys: str | None = None

    async def hashed(self, password: str) -> str:
        """Raises Problem 503 when too many passwords wait for their turn."""
        return await self._work(lambda: self._hasher.hash(password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether it is the password. `stored` None, for a user who does not exist, takes just as long and is False.

        Raises Problem 503 when too many passwords wait for their turn.
        """
        if self._nobodys is None:
            self._nobodys = await self.hashed(secrets.token_urlsafe())
        against = stored or self._nobodys
        same = await self._work(lambda: self._hasher.verify(password, against))
        return same and stored is not None

    async def _work(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= _MOST_WAITING:
            raise unavailable("too many sign-ins at once")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
