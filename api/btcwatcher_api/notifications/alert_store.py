"""Alerts that are news and their deliveries, written in one transaction: all of them, or none."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.notifications.alerts import (
    AlertmanagerAlert,
    LastTold,
    channels_of,
    is_news,
    known_time,
    strategy_of,
)
from btcwatcher_api.notifications.notices import NewNotice, wake, write
from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.strategies.registry import KnownStrategy

_LOCK: Final = 0x6274_6377_616C_7274
"""Advisory lock ("btcwalrt"): of two Alertmanagers that tell the same alert at once, one is heard first."""

_LAST: Final = text("""
    SELECT DISTINCT ON (n.fingerprint, d.channel_namespace, d.channel)
      n.fingerprint, d.channel_namespace || '/' || d.channel AS channel, n.created_at, n.resolved
    FROM notices n JOIN deliveries d ON d.subject_id = n.id AND d.created_at = n.created_at
    WHERE n.fingerprint = ANY(:fingerprints) AND n.kind = 'Alert' AND d.fallback_of IS NULL
      AND d.state NOT IN ('Failed', 'Skipped')
    ORDER BY n.fingerprint, d.channel_namespace, d.channel, n.created_at DESC
""")


async def tell(
    connection: AsyncConnection,
    alerts: Sequence[AlertmanagerAlert],
    find: Callable[[str, str], KnownStrategy | None],
    channels: Sequence[KnownChannel],
    author: str,
) -> list[int]:
    """Of each alert, how many channels are told of it now. Works in the caller's transaction."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    now = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    last = await _last_told(connection, [alert.key for alert in alerts])
    known = {channel.key: channel for channel in channels}
    told = []
    for alert in alerts:
        wanted = [
            key
            for key in channels_of(alert, find, channels)
            if is_news(alert, known.get(key), last.get((alert.key, key)), now)
        ]
        if wanted:
            await write(connection, _notice(alert, strategy_of(alert, find), author), wanted, now)
            # The same alert may stand in one body twice.
            last |= {(alert.key, key): LastTold(now, alert.resolved) for key in wanted}
        told.append(len(wanted))
    if any(told):
        await wake(connection)
    return told


async def _last_told(connection: AsyncConnection, fingerprints: Sequence[str]) -> dict[tuple[str, str], LastTold]:
    rows = await connection.execute(_LAST, {"fingerprints": list(fingerprints)})
    return {(row.fingerprint, row.channel): LastTold(row.created_at, row.resolved) for row in rows}


def _notice(alert: AlertmanagerAlert, strategy: KnownStrategy | None, author: str) -> NewNotice:
    return NewNotice(
        kind=Kind.ALERT,
        namespace=strategy.namespace if strategy is not None else alert.namespace,
        strategy=strategy,
        priority=alert.priority,
        title=alert.title,
        body=alert.body,
        author=author,
        labels=alert.texts("labels"),
        annotations=alert.texts("annotations"),
        fingerprint=alert.key,
        resolved=alert.resolved,
        starts_at=known_time(alert.starts_at),
        ends_at=known_time(alert.ends_at) if alert.resolved else None,
    )
