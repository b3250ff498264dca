"""Which schema the database has, and whether it is the one that this code was written for."""

from functools import cache
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

VERSION_TABLE: Final = "alembic_version"


class SchemaError(Exception):
    """The schema is missing or older than this code; the message says what to run."""


def check_revision(current: str | None) -> None:
    """Raises SchemaError unless `current` is this code's schema or a newer one (during a rolling upgrade)."""
    if current is None:
        raise SchemaError("the database has no schema yet: run `btcwatcher-api migrate`")
    newest, known = _revisions()
    if current in known and current != newest:
        raise SchemaError(
            f"the database's schema is {current}, this version needs {newest}: run `btcwatcher-api migrate`"
        )


def is_newest(revision: str | None) -> bool:
    """Whether there is nothing to migrate."""
    return revision == _revisions()[0]


def is_known(revision: str) -> bool:
    """Whether this code has the migration; one that it has not is of a newer version."""
    return revision in _revisions()[1]


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """The newest, and all: the numbers that the migrations' files begin with. No Alembic: importing it
    would be most of what a start costs that finds nothing to do.
    """
    names = (file.name for file in files("btcwatcher_api").joinpath("migrations", "versions").iterdir())
    numbers = frozenset(name.partition("_")[0] for name in names if name.endswith(".py"))
    return max(numbers), numbers


_CURRENT = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))


def migrated_to(connection: psycopg.Connection) -> str | None:
    """The schema's revision; None where nothing was ever migrated."""
    try:
        row = connection.execute(_CURRENT).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


async def current_revision(connection: psycopg.AsyncConnection) -> str | None:
    """The schema's revision; None where nothing was ever migrated."""
    try:
        cursor = await connection.execute(_CURRENT)
    except psycopg.errors.UndefinedTable:
        return None
    row = await cursor.fetchone()
    return None if row is None else str(row[0])
