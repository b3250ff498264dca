"""All SQL of users and refresh tokens. Every function works in the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.accounts.roles import Role

_COLUMNS: Final = "id, username, password_hash, role, created_at, password_changed_at, deactivated_at"
_FIRST_USER_LOCK: Final = 0x6274_6377_7573_6572
"""Advisory lock ("btcwuser"): of two who register first at the same time, one is the first."""


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    username: str
    password_hash: str
    role: Role
    created_at: datetime
    password_changed_at: datetime
    deactivated_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether he may sign in."""
        return self.deactivated_at is None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What became of a refresh token: its family, and its user if it was good."""

    family: UUID
    user: User | None


async def lock_registration(connection: AsyncConnection) -> bool:
    """Wait for the turn to register, until the transaction ends. True: there is no user yet."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _FIRST_USER_LOCK})
    return not (await connection.execute(text("SELECT EXISTS (SELECT 1 FROM users)"))).scalar_one()


async def add(connection: AsyncConnection, username: str, password_hash: str, role: Role) -> User | None:
    """None: the name is taken."""
    row = await connection.execute(
        text(
            "INSERT INTO users (username, password_hash, role) VALUES (:username, :password_hash, :role)"  # noqa: S608 - constants
            f" ON CONFLICT (username) DO NOTHING RETURNING {_COLUMNS}"
        ),
        {"username": username, "password_hash": password_hash, "role": role.value},
    )
    return _user(row.mappings().first())


async def by_name(connection: AsyncConnection, username: str) -> User | None:
    query = text(f"SELECT {_COLUMNS} FROM users WHERE username = :username")  # noqa: S608 - a constant
    return _user((await connection.execute(query, {"username": username})).mappings().first())


async def by_id(connection: AsyncConnection, user_id: UUID) -> User | None:
    query = text(f"SELECT {_COLUMNS} FROM users WHERE id = :id")  # noqa: S608 - a constant
    return _user((await connection.execute(query, {"id": user_id})).mappings().first())


async def page(connection: AsyncConnection, after: str | None, limit: int) -> list[User]:
    """Users by name, those behind `after`."""
    query = text(f"SELECT {_COLUMNS} FROM users WHERE username > :after ORDER BY username LIMIT :limit")  # noqa: S608
    rows = (await connection.execute(query, {"after": after or "", "limit": limit})).mappings()
    return [user for user in map(_user, rows) if user is not None]


async def change(connection: AsyncConnection, user: User, role: Role, *, active: bool) -> User:
    """Give a role, and let in or shut out; who is shut out is signed out as well."""
    statement = text(
        "UPDATE users SET role = :role,"  # noqa: S608 - constants
        " deactivated_at = CASE WHEN :active THEN NULL ELSE coalesce(deactivated_at, clock_timestamp()) END"
        f" WHERE id = :id RETURNING {_COLUMNS}"
    )
    values = {"id": user.id, "role": role.value, "active": active}
    changed = _user((await connection.execute(statement, values)).mappings().one())
    if not active:
        await _end_sign_ins(connection, user)
    assert changed is not None  # noqa: S101 - one() gave a row
    return changed


async def change_password(connection: AsyncConnection, user: User, password_hash: str) -> bool:
    """Also ends every sign-in. False: the password was changed by somebody else meanwhile."""
    changed = await connection.execute(
        text(
            "UPDATE users SET password_hash = :new, password_changed_at = clock_timestamp()"
            " WHERE id = :id AND password_hash = :old RETURNING id"
        ),
        {"id": user.id, "new": password_hash, "old": user.password_hash},
    )
    if changed.first() is None:
        return False
    await _end_sign_ins(connection, user)
    return True


async def add_refresh_token(
    connection: AsyncConnection, token_hash: bytes, family: UUID, user: User, lifetime: timedelta
) -> bool:
    """Also throws away this user's expired ones. False: since `user` was read, the password has been changed or the
    user deactivated."""
    # Locks the user's row, as those changes do: one that is under way ends this sign-in too.
    current = await connection.execute(
        text(
            "SELECT 1 FROM users WHERE id = :id AND password_hash = :password_hash AND deactivated_at IS NULL"
            " FOR UPDATE"
        ),
        {"id": user.id, "password_hash": user.password_hash},
    )
    if current.first() is None:
        return False
    await connection.execute(
        text("DELETE FROM refresh_tokens WHERE user_id = :id AND expires_at < clock_timestamp()"), {"id": user.id}
    )
    await connection.execute(
        text(
            "INSERT INTO refresh_tokens (token_hash, family, user_id, expires_at)"
            " VALUES (:token_hash, :family, :user_id, clock_timestamp() + :lifetime)"
        ),
        {"token_hash": token_hash, "family": family, "user_id": user.id, "lifetime": lifetime},
    )
    return True


async def redeem(connection: AsyncConnection, token_hash: bytes) -> Redeemed | None:
    """Use a refresh token, once. None: there is no such token, or it expired or was revoked.

    Redeemed without a user: it was used before, so somebody has a copy, and the whole family is revoked.
    """
    used = await connection.execute(
        text(
            "UPDATE refresh_tokens SET used_at = clock_timestamp() WHERE token_hash = :token_hash"
            " AND used_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp() RETURNING family, user_id"
        ),
        {"token_hash": token_hash},
    )
    row = used.first()
    if row is not None:
        return Redeemed(row.family, await by_id(connection, row.user_id))
    again = await connection.execute(
        text(
            "UPDATE refresh_tokens SET revoked_at = clock_timestamp() WHERE revoked_at IS NULL AND family ="
            " (SELECT family FROM refresh_tokens WHERE token_hash = :token_hash AND used_at IS NOT NULL)"
            " RETURNING family"
        ),
        {"token_hash": token_hash},
    )
    row = again.first()
    return Redeemed(row.family, None) if row is not None else None


async def signed_in(connection: AsyncConnection, token_hash: bytes) -> User | None:
    """Whose sign-in this is, while it lasts; the token stays good."""
    query = text(
        f"SELECT {_COLUMNS} FROM users WHERE deactivated_at IS NULL AND id = (SELECT user_id FROM refresh_tokens"  # noqa: S608
        " WHERE token_hash = :token_hash AND used_at IS NULL AND revoked_at IS NULL"
        " AND expires_at > clock_timestamp())"
    )
    return _user((await connection.execute(query, {"token_hash": token_hash})).mappings().first())


async def end_sign_in(connection: AsyncConnection, token_hash: bytes) -> None:
    await connection.execute(
        text(
            "UPDATE refresh_tokens SET revoked_at = clock_timestamp()"
            " WHERE token_hash = :token_hash AND revoked_at IS NULL"
        ),
        {"token_hash": token_hash},
    )


async def sign_in_of(connection: AsyncConnection, token_hash: bytes, lifetime: timedelta) -> tuple[User, bool] | None:
    """Whose a refresh token is that is still good, and whether it was made to last `lifetime` from now on: that is
    done once half of it is over."""
    names = ", ".join(f"users.{name}" for name in _COLUMNS.split(", "))
    found = await connection.execute(
        text(
            f"SELECT {names}, expires_at < clock_timestamp() + CAST(:lifetime AS interval) / 2 AS half_over"  # noqa: S608 - constants
            " FROM refresh_tokens JOIN users ON users.id = user_id WHERE token_hash = :token_hash"
            " AND used_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp() AND deactivated_at IS NULL"
        ),
        {"token_hash": token_hash, "lifetime": lifetime},
    )
    row = found.mappings().first()
    if row is None:
        return None
    half_over = bool(row["half_over"])
    if half_over:
        await connection.execute(
            text(
                "UPDATE refresh_tokens SET expires_at = clock_timestamp() + :lifetime"
                " WHERE token_hash = :token_hash AND revoked_at IS NULL"
            ),
            {"token_hash": token_hash, "lifetime": lifetime},
        )
    user = _user({name: value for name, value in row.items() if name != "half_over"})
    assert user is not None  # noqa: S101 - there is a row
    return user, half_over


async def any_user(connection: AsyncConnection) -> bool:
    return bool((await connection.execute(text("SELECT EXISTS (SELECT 1 FROM users)"))).scalar_one())


async def _end_sign_ins(connection: AsyncConnection, user: User) -> None:
    await connection.execute(
        text("UPDATE refresh_tokens SET revoked_at = clock_timestamp() WHERE user_id = :id AND revoked_at IS NULL"),
        {"id": user.id},
    )


def _user(row: Mapping[Any, Any] | None) -> User | None:
    return User(**{**row, "role": Role(row["role"])}) if row is not None else None
