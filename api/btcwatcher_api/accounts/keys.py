"""API keys: what a machine signs in with. Shown once, kept hashed, good for one role until it is revoked."""

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from btcwatcher_api import logs
from btcwatcher_api.accounts import audit
from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.accounts.tokens import secret_hash
from btcwatcher_api.problems import Problem

PREFIX: Final = "btcw_"
"""Every key begins so: secret scanners find it, and no other token is looked for among the keys."""
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,62}$"
_COLUMNS: Final = "id, name, role, created_by, created_at, expires_at, last_used_at"
_log = logs.get("btcwatcher_api.accounts")


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret. `last_used_at` is right to a minute."""

    id: UUID
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class Keys:
    """The keys of one API. `engine` may write; every method opens its own transactions."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def identity(self, secret: str) -> Identity | None:
        """Whose key this is; None when there is none such, or it was revoked or has expired."""
        query = text(
            "SELECT id, name, role, coalesce(last_used_at < now() - interval '1 minute', true) AS stale FROM api_keys"
            " WHERE key_hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query, {"hash": secret_hash(secret)})).first()
        if row is None:
            return None
        if row.stale:
            # A courtesy: a read must not fail because this cannot be written.
            with contextlib.suppress(SQLAlchemyError):
                async with self._engine.begin() as connection:
                    await connection.execute(
                        text("UPDATE api_keys SET last_used_at = now() WHERE id = :id"), {"id": row.id}
                    )
        return Identity(f"key:{row.name}", Role(row.role))

    async def create(
        self, by: Identity, name: str, role: Role, lifetime: timedelta | None, request_id: str
    ) -> tuple[Key, str]:
        """The new key and its secret, which nobody can read again. Raises Problem 409 for a name that is taken."""
        secret = PREFIX + secrets.token_urlsafe(32)
        statement = text(
            "INSERT INTO api_keys (name, role, key_hash, created_by, expires_at)"  # noqa: S608 - constants
            f" VALUES (:name, :role, :hash, :by, now() + CAST(:lifetime AS interval)) RETURNING {_COLUMNS}"
        )
        values = {"name": name, "role": role.value, "hash": secret_hash(secret), "by": by.name, "lifetime": lifetime}
        try:
            async with self._engine.begin() as connection:
                key = _key((await connection.execute(statement, values)).mappings().one())
                await audit.record(
                    connection,
                    actor=by.name,
                    action="key.create",
                    subject=f"key:{name}",
                    request_id=request_id,
                    role=role.value,
                )
        except IntegrityError:
            raise Problem(409, "a key with this name is in use: revoke it first", [("name", "is taken")]) from None
        _log.info("API key made", key=name, role=role.value, by=by.name, request_id=request_id)
        return key, secret

    async def all(self) -> list[Key]:
        """Every key that is not revoked, by name."""
        query = text(f"SELECT {_COLUMNS} FROM api_keys WHERE revoked_at IS NULL ORDER BY name")  # noqa: S608 - constants
        async with self._engine.connect() as connection:
            return [_key(row) for row in (await connection.execute(query)).mappings()]

    async def revoke(self, by: Identity, key_id: UUID, request_id: str) -> None:
        """It is refused from now on. Raises Problem 404."""
        statement = text("UPDATE api_keys SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL RETURNING name")
        async with self._engine.begin() as connection:
            row = (await connection.execute(statement, {"id": key_id})).first()
            if row is None:
                raise Problem(404, "there is no such key, or it is revoked already")
            await audit.record(
                connection, actor=by.name, action="key.revoke", subject=f"key:{row.name}", request_id=request_id
            )
        _log.info("API key revoked", key=row.name, by=by.name, request_id=request_id)


def _key(row: Mapping[Any, Any]) -> Key:
    return Key(**{**row, "role": Role(row["role"])})
