"""What an admin does with other people's accounts."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from btcwatcher_api import logs
from btcwatcher_api.accounts import audit, repository
from btcwatcher_api.accounts.passwords import Passwords
from btcwatcher_api.accounts.repository import User
from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.problems import Problem

_NOBODY: Final = "there is no such user"
_log = logs.get("btcwatcher_api.accounts")


class Administration:
    """`engine` may write; every method opens its own transactions and raises Problem 404 for an unknown name."""

    def __init__(self, engine: AsyncEngine, passwords: Passwords) -> None:
        self._engine = engine
        self._passwords = passwords

    async def users(self, after: str | None, limit: int) -> list[User]:
        """Users by name, those behind `after`."""
        async with self._engine.connect() as connection:
            return await repository.page(connection, after, limit)

    async def user(self, username: str) -> User:
        async with self._engine.connect() as connection:
            return _found(await repository.by_name(connection, username))

    async def change(
        self, by: Identity, username: str, role: Role | None, active: bool | None, request_id: str
    ) -> User:
        """Give another role, or let a user no longer sign in; None leaves it. Raises Problem 409 for the last admin."""
        async with self._engine.begin() as connection:
            # One such change at a time: of two admins who take each other's role away, one stays.
            await repository.lock_registration(connection)
            user = _found(await repository.by_name(connection, username))
            wanted_role = role or user.role
            wanted_active = user.active if active is None else active
            stays = wanted_role is Role.ADMIN and wanted_active
            if user.role is Role.ADMIN and user.active and not stays:
                await _check_another_admin(connection, user)
            changes: dict[str, Any] = {}
            if wanted_role is not user.role:
                changes["role"] = wanted_role.value
            if wanted_active is not user.active:
                changes["active"] = wanted_active
            if not changes:
                return user
            changed = await repository.change(connection, user, wanted_role, active=wanted_active)
            await audit.record(
                connection, actor=by.name, action="user.change", subject=username, request_id=request_id, **changes
            )
        _log.info("user changed", user=username, by=by.name, request_id=request_id, **changes)
        return changed

    async def set_password(self, by: Identity, username: str, password: str, request_id: str) -> None:
        """Give a user who forgot it a new password; all his sign-ins end."""
        user = await self.user(username)
        password_hash = await self._passwords.hashed(password)
        async with self._engine.begin() as connection:
            if not await repository.change_password(connection, user, password_hash):
                raise Problem(409, "the password has just been changed by somebody else")
            await audit.record(
                connection, actor=by.name, action="user.password", subject=username, request_id=request_id
            )
        _log.info("password set", user=username, by=by.name, request_id=request_id)

    async def log(
        self,
        *,
        actor: str | None,
        subject: str | None,
        action: str | None,
        since: datetime | None,
        before: int | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Rows of the audit log, newest first, with these fields; `before` is the id of the last row seen."""
        query = text(
            "SELECT id, at, actor, action, subject, request_id, detail FROM audit_log"
            " WHERE (CAST(:actor AS text) IS NULL OR actor = :actor)"
            " AND (CAST(:subject AS text) IS NULL OR subject = :subject)"
            " AND (CAST(:action AS text) IS NULL OR action = :action)"
            " AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)"
            " AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
        )
        values = {
            "actor": actor,
            "subject": subject,
            "action": action,
            "since": since,
            "before": before,
            "limit": limit,
        }
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query, values)).mappings()]


async def _check_another_admin(connection: AsyncConnection, user: User) -> None:
    others = await connection.execute(
        text(
            "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND deactivated_at IS NULL AND id <> :id) AS other"
        ),
        {"id": user.id},
    )
    if not others.scalar_one():
        raise Problem(409, f"{user.username} is the last admin: give another user the role first")


def _found(user: User | None) -> User:
    if user is None:
        raise Problem(404, _NOBODY)
    return user
