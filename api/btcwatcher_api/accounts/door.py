"""Signing in with a password: what every process does that lets people in, whatever it gives them then."""

from datetime import timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from btcwatcher_api import logs
from btcwatcher_api.accounts import audit, repository
from btcwatcher_api.accounts.limiter import ADDRESS_FAILURES, LoginLimiter
from btcwatcher_api.accounts.passwords import Passwords
from btcwatcher_api.accounts.repository import User
from btcwatcher_api.accounts.tokens import new_refresh_token, secret_hash
from btcwatcher_api.problems import Problem

_WRONG: Final = "user name or password is wrong"
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
_log = logs.get("btcwatcher_api.accounts")


class Door:
    """Holds back who guesses. `lifetime` is how long a sign-in lasts that is not renewed, `prefix` begins its token."""

    def __init__(self, engine: AsyncEngine, passwords: Passwords, lifetime: timedelta, prefix: str = "") -> None:
        self._engine = engine
        self._passwords = passwords
        self._lifetime = lifetime
        self._prefix = prefix
        self._names = LoginLimiter()
        self._addresses = LoginLimiter(ADDRESS_FAILURES)

    async def open(self, username: str, password: str, address: str | None, request_id: str) -> tuple[User, str]:
        """The user, and the random token of the sign-in that has begun, of which only a hash is kept.

        Raises Problem 401, alike for a wrong password, an unknown name and a deactivated user, and 429. `address` is
        the caller's, None where it cannot be known.
        """
        name = username.lower()
        if address is not None:
            _check_wait(self._addresses.attempt(address), "from this address")
        self.attempt(name)
        async with self._engine.connect() as connection:
            user = await repository.by_name(connection, name) if "\0" not in name else None
        if not await self._passwords.matches(password, user.password_hash if user else None) or user is None:
            _log.warning("sign-in refused", request_id=request_id)
            raise Problem(401, _WRONG, (), _CHALLENGE)
        self.succeeded(name)
        if address is not None:
            self._addresses.forgive(address)
        token = new_refresh_token(self._prefix)
        async with self._engine.begin() as connection:
            if not await repository.add_refresh_token(connection, secret_hash(token), uuid4(), user, self._lifetime):
                raise Problem(401, _WRONG, (), _CHALLENGE)
            await audit.record(
                connection, actor=user.username, action="user.sign_in", subject=user.username, request_id=request_id
            )
        return user, token

    def attempt(self, name: str) -> None:
        """Count an attempt at a password. Raises Problem 429."""
        _check_wait(self._names.attempt(name), "for this user name")

    def succeeded(self, name: str) -> None:
        """Clear the attempts."""
        self._names.succeeded(name)


def _check_wait(seconds: int, whose: str) -> None:
    if seconds:
        raise Problem(429, f"too many attempts {whose}: wait {seconds} s", (), {"Retry-After": str(seconds)})
