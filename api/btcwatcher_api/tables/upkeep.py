"""What has to be done to the tables while the API runs: partitions made ahead of time, and what is old dropped."""

import asyncio
import random

import psycopg

from btcwatcher_api import logs
from btcwatcher_api.database import APPLICATION, CONNECT_SECONDS
from btcwatcher_api.tables.partitions import make_ahead
from btcwatcher_api.tables.retention import Retention, drop_old

_log = logs.get("btcwatcher_api.partitions")

_EVERY_SECONDS = 6 * 3600.0
_RETRY_SECONDS = 60.0


async def keep_partitions(database_url: str, months_ahead: int, retention: Retention) -> None:
    """Look four times a day, for ever. Any number of replicas may do so: an advisory lock lets one work at a time."""
    while True:
        try:
            made, dropped = await asyncio.to_thread(_work, database_url, months_ahead, retention)
        except psycopg.Error as error:
            # The default partition takes the rows meanwhile.
            _log.warning("partitions cannot be made or dropped", reason=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
            continue
        if made or dropped:
            _log.info("partitions made and dropped", made=made, dropped=dropped)
        await asyncio.sleep(_EVERY_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311


def _work(database_url: str, months_ahead: int, retention: Retention) -> tuple[list[str], list[str]]:
    with psycopg.connect(
        database_url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=f"{APPLICATION} partitions",
    ) as connection:
        return make_ahead(connection, months_ahead), drop_old(connection, retention)
