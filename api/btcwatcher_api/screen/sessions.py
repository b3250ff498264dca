"""Who is signed in at the screen. A session is a row among the refresh tokens: signing out, changing the password and
deactivating the user end it.

The browser holds it as a cookie that no script reads. From it a second token is derived, which FreqUI keeps in the
browser's storage and sends as its bearer token: a page of another site could make the browser send the cookie, but not
that, and whoever reads the storage has nothing without the cookie.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from btcwatcher_api.accounts import audit, repository
from btcwatcher_api.accounts.door import Door
from btcwatcher_api.accounts.passwords import Passwords
from btcwatcher_api.accounts.repository import User
from btcwatcher_api.accounts.tokens import SCREEN_PREFIX, secret_hash

_MOST_BYTES: Final = 128
"""Of a cookie that could be ours."""
_BELIEVED_SECONDS: Final = 1.0
"""FreqUI asks many things at once: so long the database is not asked again for the same session."""
_MOST_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    user: User
    token: str
    """What FreqUI must send along."""
    secret: str
    """The cookie's value."""

    def proves(self, token: str) -> bool:
        """Whether it is the token of this session."""
        return hmac.compare_digest(token.encode(), self.token.encode())


class Sessions:
    """Every method may raise SQLAlchemyError: without the database nobody is known."""

    def __init__(self, engine: AsyncEngine, lifetime: timedelta) -> None:
        self._engine = engine
        self._door = Door(engine, Passwords(), lifetime, SCREEN_PREFIX)
        self._known: dict[bytes, tuple[float, asyncio.Task[User | None]]] = {}

    async def begin(self, username: str, password: str, address: str | None, request_id: str) -> Session:
        """Raises Problem 401 and 429."""
        user, secret = await self._door.open(username, password, address, request_id)
        return Session(user, token_of(secret), secret)

    async def find(self, secret: str | None) -> Session | None:
        """The session of a cookie; None when it has ended, or never was one."""
        if secret is None or not secret.startswith(SCREEN_PREFIX) or len(secret) > _MOST_BYTES:
            return None
        user = await self._user(secret_hash(secret))
        return Session(user, token_of(secret), secret) if user is not None else None

    async def end(self, session: Session, request_id: str) -> None:
        """Sign out."""
        hashed = secret_hash(session.secret)
        async with self._engine.begin() as connection:
            await repository.end_sign_in(connection, hashed)
            await audit.record(
                connection,
                actor=session.user.username,
                action="user.sign_out",
                subject=session.user.username,
                request_id=request_id,
            )
        self._known.pop(hashed, None)

    async def _user(self, hashed: bytes) -> User | None:
        now = time.monotonic()
        since, looking = self._known.get(hashed, (0.0, None))
        if looking is None or now - since > _BELIEVED_SECONDS:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            looking = asyncio.create_task(self._look(hashed))
            self._known[hashed] = (now, looking)
        try:
            # Others wait for it as well: who gives up must not end it for them.
            return await asyncio.shield(looking)
        except Exception:
            if self._known.get(hashed, (0.0, None))[1] is looking:
                del self._known[hashed]
            raise

    async def _look(self, hashed: bytes) -> User | None:
        async with self._engine.connect() as connection:
            return await repository.signed_in(connection, hashed)


def token_of(secret: str) -> str:
    """The token that goes with a session."""
    digest = hmac.new(secret.encode(), b"frequi", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
