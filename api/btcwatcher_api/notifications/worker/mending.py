"""Ending the pause of a channel that a person has mended: it failed with one version of its spec and its Secret, and
now there is another one.

What it failed with is in the shared state, so it does not matter which worker tried it, and which one sees the change.
"""

import asyncio
import random
from typing import Any, Final, Protocol

import psycopg

from btcwatcher_api import logs
from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.worker.claims import Channel
from btcwatcher_api.notifications.worker.connection import Away, Connect, OwnConnection, RowsRefused
from btcwatcher_api.notifications.worker.listening import NOTICES
from btcwatcher_api.notifications.worker.vault import Shelf

_log = logs.get("btcwatcher_api.worker")

_EVERY_SECONDS: Final = 2.0

_PAUSED: Final = """
SELECT namespace, channel, tried_with FROM channel_states
WHERE paused_until > clock_timestamp() AND tried_with IS NOT NULL
"""
# Of those who see the change at the same time one finds what it looks for.
_END_PAUSE: Final = """
UPDATE channel_states SET paused_until = clock_timestamp(), tried_with = %(version)s
WHERE namespace = %(namespace)s AND channel = %(channel)s AND tried_with = %(tried_with)s
  AND paused_until > clock_timestamp()
"""
# What failed waits for the end of the pause. What is on its way just now is left alone.
_TRY_AGAIN: Final = """
UPDATE deliveries d SET next_attempt_at = clock_timestamp()
WHERE state = 'Pending' AND channel_namespace = %(namespace)s AND channel = %(channel)s AND attempts > 0
  AND next_attempt_at > clock_timestamp()
  AND NOT EXISTS (SELECT FROM delivery_attempts a
    WHERE a.delivery_id = d.id AND a.number = d.attempts AND a.reason IS NULL)
"""
_TELL: Final = "SELECT pg_notify(%s, '')"


class Channels(Protocol):
    """Who knows the channels; see ChannelRegistry."""

    @property
    def synced(self) -> bool: ...
    def get(self, namespace: str, name: str) -> KnownChannel | None: ...


class Mender:
    """Run it beside the lanes."""

    def __init__(self, connect: Connect, channels: Channels, shelf: Shelf) -> None:
        self._own = OwnConnection(connect)
        self._channels = channels
        self._shelf = shelf

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
            try:
                await self._look()
            except (Away, RowsRefused):
                # The lanes tell of it.
                continue
            except Exception as error:
                _log.error("looking after paused channels failed", exc_info=error)

    async def close(self) -> None:
        await self._own.close()

    async def _look(self) -> None:
        if not self._channels.synced:
            return
        async with self._own.transaction() as connection:
            paused = await (await connection.execute(_PAUSED)).fetchall()
        for namespace, name, tried_with in paused:
            known = self._channels.get(namespace, name)
            if known is None or known.spec is None:
                continue
            secret = await self._shelf.version(namespace, known.spec.credentials_ref.name)
            if secret is not None and (version := version_of(known, secret)) != tried_with:
                await self._mended(Channel(namespace, name), tried_with, version)

    async def _mended(self, channel: Channel, tried_with: str, version: str) -> None:
        values = {"namespace": channel.namespace, "channel": channel.name, "tried_with": tried_with, "version": version}
        async with self._own.transaction() as connection:
            if await _ended(connection, values):
                _log.info("a paused channel was changed and is tried again", channel=str(channel))


async def _ended(connection: psycopg.AsyncConnection[Any], values: dict[str, str]) -> bool:
    # The state's row first, as everybody does: whoever claims or settles for this channel waits for it.
    if (await connection.execute(_END_PAUSE, values)).rowcount != 1:
        return False
    await connection.execute(_TRY_AGAIN, values)
    await connection.execute(_TELL, (NOTICES,))
    return True


def version_of(known: KnownChannel, secret: str) -> str:
    """Of the channel's spec and of its Secret together; a channel made anew is another one."""
    metadata = known.item["metadata"]
    return f"{metadata.get('uid')}/{metadata.get('generation')}/{secret}"
