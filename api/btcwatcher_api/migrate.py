"""`btcwatcher-api migrate`: bring the schema up to date. Safe to run twice, and by two at once."""

from typing import Final

import psycopg

from btcwatcher_api import logs
from btcwatcher_api.database import APPLICATION, CONNECT_SECONDS
from btcwatcher_api.schema import is_known, is_newest, migrated_to
from btcwatcher_api.signals.numbering import continue_numbers
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
            current = migrated_to(connection)
            newer = current if current is not None and not is_known(current) else None
            if newer is None and not is_newest(current):
                # Imported here: every pod's start looks, and mostly there is nothing to do.
                from btcwatcher_api.upgrade import upgrade

                upgrade(database_url)
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
