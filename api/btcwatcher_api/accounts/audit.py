"""The audit log: one row per change, written in the transaction that makes the change, never with a secret in it."""

from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def record(
    connection: AsyncConnection, *, actor: str, action: str, subject: str, request_id: str, **detail: Any
) -> None:
    """Add a row: who (`actor`) did what (`action`, such as user.register) to what (`subject`)."""
    await connection.execute(
        text(
            "INSERT INTO audit_log (actor, action, subject, request_id, detail)"
            " VALUES (:actor, :action, :subject, :request_id, CAST(:detail AS jsonb))"
        ),
        {
            "actor": actor,
            "action": action,
            "subject": subject,
            "request_id": request_id,
            "detail": msgspec.json.encode(detail).decode(),
        },
    )
