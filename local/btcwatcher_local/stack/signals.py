"""Signals as they arrive, read from the API as anybody would."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import httpx

Signal = dict[str, Any]

POLL_SECONDS = 1.0
PAGES = 20
"""At most so many pages at a look: what an earlier run left need not be read whole."""


async def arriving(api_url: str, token: str) -> AsyncGenerator[Signal, None]:
    """Every signal that is received from now on, once. Goes on when the API is away for a while."""
    begin = datetime.now(UTC)
    seen: set[str] = set()
    async with httpx.AsyncClient(base_url=api_url, headers={"Authorization": f"Bearer {token}"}, timeout=10) as client:
        while True:
            fresh: list[Signal] = []
            with contextlib.suppress(httpx.HTTPError):
                fresh = await _unseen(client, seen)
            for signal in reversed(fresh):
                seen.add(signal["id"])
                if datetime.fromisoformat(signal["received_at"]) >= begin:
                    yield signal
            await asyncio.sleep(POLL_SECONDS)


async def _unseen(client: httpx.AsyncClient, seen: set[str]) -> list[Signal]:
    """The newest signals not seen yet, page by page until one holds none. Raises httpx.HTTPError."""
    found: list[Signal] = []
    cursor: str | None = None
    for _ in range(PAGES):
        query = {"limit": "500", **({"cursor": cursor} if cursor else {})}
        response = await client.get("/api/v1/signals/", params=query)
        response.raise_for_status()
        page = response.json()
        unseen = [signal for signal in page["items"] if signal["id"] not in seen]
        found += unseen
        cursor = page["next"]
        if not unseen or cursor is None:
            break
    return found


def line(signal: Signal) -> str:
    """One signal on one line of a terminal."""
    fields = [
        str(signal["event_time"])[11:19],
        f"{signal['namespace']}.{signal['strategy']}",
        signal["type"],
        signal.get("pair") or "",
        f"@ {signal['price']}" if signal.get("price") else "",
        f"{signal['level']} ({signal['strength']})" if signal.get("level") else "",
        signal.get("exit_reason") or signal.get("enter_tag") or (signal.get("message") or "").partition("\n")[0],
        "(recovered)" if signal.get("recovered") else "",
    ]
    text = "  ".join(field for field in fields if field)
    # Whoever has a token can send line ends and a terminal's own commands; they are kept as they came, not obeyed.
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
