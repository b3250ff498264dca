"""Audit rows of what is asked of bots that changes something: one before it is sent, for what nobody wrote down is not
sent, and one with what the bot said. Both carry the request's id."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from btcwatcher_api.accounts import audit

SENT: Final = "bot.command"
ANSWERED: Final = "bot.answer"
_MOST_BYTES: Final = 2048
_MOST_QUERY: Final = 512


class Commands:
    """Methods raise SQLAlchemyError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def sent(
        self, actor: str, strategy: str, request_id: str, method: str, endpoint: str, query: str, body: bytes
    ) -> None:
        detail: dict[str, Any] = {"method": method, "endpoint": endpoint, **said(query, body)}
        async with self._engine.begin() as connection:
            await audit.record(connection, actor=actor, action=SENT, subject=strategy, request_id=request_id, **detail)

    async def answered(self, actor: str, strategy: str, request_id: str, endpoint: str, status: int) -> None:
        """`status` is what the browser was told."""
        async with self._engine.begin() as connection:
            await audit.record(
                connection,
                actor=actor,
                action=ANSWERED,
                subject=strategy,
                request_id=request_id,
                endpoint=endpoint,
                status=status,
            )


def said(query: str, body: bytes) -> dict[str, Any]:
    """What the command was given, as far as it is short: the trade, the pair, the price."""
    told: dict[str, Any] = {"query": query[:_MOST_QUERY]} if query else {}
    if len(body) > _MOST_BYTES:
        told["body"] = f"{len(body)} bytes"
    elif body:
        # As text: what somebody sends need not be JSON, nor what Postgres takes for it.
        told["body"] = body.decode(errors="replace").replace("\0", "")
    return told
