"""`btcwatcher-api migrate`: bring the schema up to date. Safe to run twice, and by two at once."""

from typing import Final

import psycopg
from alembic import command

from btcwatcher_api import logs
from btcwatcher_api.database import APPLICATION, CONNECT_SECONDS, alembic_config, is_known, migrated_to
from btcwatcher_api.signals.arrival import continue_numbers
from btcwatcher_api.tables.partitions import make_ahead

_LOCK: Final = 0x6274_6377_6D69_6772
"""Advisory lock of the migration ("btcwmigr"): a second one waits for the first and then finds nothing to do."""

_log = logs.get("btcwatcher_api.migrate")


def migrate(database_url: str, months_ahead: int) -> None:
    """Upgrade to the newest revision and make the partitions of the coming months. Raises psycopg.Error.

    After a rollback the schema is newer than this code: it stays, for migrations only add.
    """
    with psycopg.connect(
        database_url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=f"{APPLICATION} migrate",
    ) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            if (newer := _newer(connection)) is None:
                command.upgrade(alembic_config(database_url), "head")
            made = make_ahead(connection, months_ahead)
            raised = continue_numbers(connection)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    if newer is None:
        _log.info("the schema is up to date", partitions_made=made)
    else:
        _log.warning("the schema is of a newer version, which this one works with: left as it is", revision=newer)
    if raised:
        _log.warning("the signals come from another server: new ones are numbered on from theirs", raised_by=raised)


def _newer(connection: psycopg.Connection) -> str | None:
    """The schema's revision, if this code does not know it."""
    current = migrated_to(connection)
    return current if current is not None and not is_known(current) else None
