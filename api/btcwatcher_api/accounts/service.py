"""Registering, signing in, going on, and changing a password."""

from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from btcwatcher_api import logs
from btcwatcher_api.accounts import audit, repository
from btcwatcher_api.accounts.administration import Administration
from btcwatcher_api.accounts.door import Door
from btcwatcher_api.accounts.keys import Keys
from btcwatcher_api.accounts.passwords import Passwords
from btcwatcher_api.accounts.repository import User
from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.accounts.schemas import Tokens
from btcwatcher_api.accounts.tokens import SCREEN_PREFIX, Signer, new_refresh_token, secret_hash
from btcwatcher_api.problems import Problem
from btcwatcher_api.settings import Registration

_ENDED: Final = "the refresh token is not valid or has expired: sign in again"
_log = logs.get("btcwatcher_api.accounts")


class Accounts:
    """The accounts of one API. `engine` may write; every method opens its own transactions and raises Problem."""

    def __init__(
        self, engine: AsyncEngine, signer: Signer, *, registration: Registration, refresh_lifetime: timedelta
    ) -> None:
        self._engine = engine
        self._signer = signer
        self._registration = registration
        self._refresh_lifetime = refresh_lifetime
        self._passwords = Passwords()
        self._door = Door(engine, self._passwords, refresh_lifetime)
        self.keys = Keys(engine)
        self.administration = Administration(engine, self._passwords)

    async def register(
        self, by: Identity | None, username: str, password: str, role: Role | None, request_id: str
    ) -> User:
        """The new user. `by` is who asks, None without a token. Raises Problem 403 and 409."""
        admin = by if by is not None and by.role is Role.ADMIN else None
        if admin is None and role is not None:
            raise Problem(403, "only an admin gives a role", [("role", "leave it out")])
        if admin is None and self._registration is Registration.CLOSED:
            raise Problem(403, "registration is closed: ask an admin for an account")
        if admin is None and self._registration is Registration.FIRST:
            # Looked at again below, under a lock; here it spares strangers' requests a hash.
            async with self._engine.begin() as connection:
                _check_first(await repository.lock_registration(connection))
        password_hash = await self._passwords.hashed(password)
        async with self._engine.begin() as connection:
            first = await repository.lock_registration(connection)
            if admin is None and self._registration is Registration.FIRST:
                _check_first(first)
            given = Role.ADMIN if first else role or Role.VIEWER
            user = await repository.add(connection, username, password_hash, given)
            if user is None:
                raise Problem(409, "this user name is taken", [("username", "is taken")])
            await audit.record(
                connection,
                actor=admin.name if admin else username,
                action="user.register",
                subject=username,
                request_id=request_id,
                role=given.value,
            )
        _log.info("user registered", user=username, role=given.value, request_id=request_id)
        return user

    async def sign_in(self, username: str, password: str, address: str | None, request_id: str) -> Tokens:
        """Raises Problem 401, alike for a wrong password, an unknown name and a deactivated user, and 429.

        `address` is the caller's, None where it cannot be known.
        """
        return self._tokens(*await self._door.open(username, password, address, request_id))

    async def refresh(self, token: str, request_id: str) -> Tokens:
        """New tokens for a refresh token, which is used up. Raises Problem 401."""
        if token.startswith(SCREEN_PREFIX):
            raise Problem(401, _ENDED, (), {"WWW-Authenticate": "Bearer"})
        following = new_refresh_token()
        async with self._engine.begin() as connection:
            redeemed = await repository.redeem(connection, secret_hash(token))
            user = redeemed.user if redeemed else None
            if redeemed is not None and user is None:
                await self._reused(connection, redeemed, request_id)
            kept = (
                redeemed is not None
                and user is not None
                and await repository.add_refresh_token(
                    connection, secret_hash(following), redeemed.family, user, self._refresh_lifetime
                )
            )
        if user is None or not kept:
            raise Problem(401, _ENDED, (), {"WWW-Authenticate": "Bearer"})
        return self._tokens(user, following)

    async def session(self, token: str) -> tuple[User, bool] | None:
        """Whose sign-in a refresh token is, without using it up, and whether it has just been made to last longer;
        None when it is used, revoked or expired."""
        async with self._engine.begin() as connection:
            return await repository.sign_in_of(connection, secret_hash(token), self._refresh_lifetime)

    async def sign_out(self, token: str, request_id: str) -> None:
        """End the sign-in of a refresh token, if it is one."""
        async with self._engine.begin() as connection:
            user = await repository.signed_in(connection, secret_hash(token))
            if user is not None:
                await repository.end_sign_in(connection, secret_hash(token))
                await audit.record(
                    connection,
                    actor=user.username,
                    action="user.sign_out",
                    subject=user.username,
                    request_id=request_id,
                )

    async def awaits_first(self) -> bool:
        """Whether there is no user yet, and whoever comes may become the first."""
        if self._registration is Registration.CLOSED:
            return False
        async with self._engine.connect() as connection:
            return not await repository.any_user(connection)

    async def user(self, identity: Identity) -> User:
        """The account behind an access token. Raises Problem 403 for a machine and 401 when it is gone."""
        if identity.user_id is None:
            raise Problem(403, "a machine is no user: sign in with a password")
        async with self._engine.connect() as connection:
            user = await repository.by_id(connection, identity.user_id)
        if user is None or not user.active:
            raise Problem(401, "this user is no more", (), {"WWW-Authenticate": "Bearer"})
        return user

    async def change_password(self, identity: Identity, current: str, new: str, request_id: str) -> None:
        """Ends all sign-ins of the user. Raises Problem 403 for a wrong current password, 409 and 429."""
        user = await self.user(identity)
        self._door.attempt(user.username)
        if not await self._passwords.matches(current, user.password_hash):
            raise Problem(403, "the current password is wrong", [("current_password", "is wrong")])
        self._door.succeeded(user.username)
        password_hash = await self._passwords.hashed(new)
        async with self._engine.begin() as connection:
            if not await repository.change_password(connection, user, password_hash):
                raise Problem(409, "the password has just been changed by somebody else")
            await audit.record(
                connection, actor=user.username, action="user.password", subject=user.username, request_id=request_id
            )
        _log.info("password changed", user=user.username, request_id=request_id)

    def _tokens(self, user: User, refresh_token: str) -> Tokens:
        return Tokens(
            access_token=self._signer.access_token(user.id, user.username, user.role),
            expires_in=int(self._signer.lifetime.total_seconds()),
            refresh_token=refresh_token,
        )

    async def _reused(self, connection: AsyncConnection, redeemed: repository.Redeemed, request_id: str) -> None:
        await audit.record(
            connection,
            actor="unknown",
            action="token.reuse",
            subject=str(redeemed.family),
            request_id=request_id,
        )
        _log.warning(
            "a refresh token came twice: its sign-in is ended", family=str(redeemed.family), request_id=request_id
        )


def _check_first(first: bool) -> None:
    if not first:
        raise Problem(403, "registration is closed since the first user: ask an admin for an account")
