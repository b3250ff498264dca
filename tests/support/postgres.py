"""Migrated Postgres servers for tests: made once a run, and copied for each that wants one of its own.

A copy spares initdb and the migrations: most of a second of a core, some twenty times in `make test`.
"""

import fcntl
import tarfile
import tempfile
from pathlib import Path

import pytest

from btcwatcher_api.migrate import migrate
from btcwatcher_local.postgres import EmbeddedPostgres
from btcwatcher_local.postgres_place import find_place, find_runner

MONTHS_AHEAD = 3
_NAME = "migrated-postgres"


def migrated(folder: Path, factory: pytest.TempPathFactory) -> EmbeddedPostgres:
    """A server with its data below `folder`, not started yet; its database has the whole schema and no row."""
    archive = _archive(factory)
    server = EmbeddedPostgres(folder)
    # Below a folder of root's Postgres keeps its data elsewhere, where a run that was ended may have left some.
    server.remove()
    place = find_place(folder, find_runner())
    with tarfile.open(archive) as packed:
        packed.extractall(place.folder, numeric_owner=True, filter="fully_trusted")  # noqa: S202 - made by us, below
    return server


def _archive(factory: pytest.TempPathFactory) -> Path:
    """Made by the first process of the run that asks; the others wait for it."""
    base = factory.getbasetemp()
    # Each process of xdist's has a folder in the run's.
    shared = base.parent if base.name.startswith("popen-") else base
    archive = shared / f"{_NAME}.tar"
    with (shared / f"{_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=shared, prefix=_NAME) as folder:
                _make(Path(folder), archive)
    return archive


def _make(folder: Path, archive: Path) -> None:
    server = EmbeddedPostgres(folder / "server")
    unfinished = archive.with_suffix(".part")
    try:
        migrate(server.start(), MONTHS_AHEAD)
        server.stop()
        place = find_place(folder / "server", find_runner())
        with tarfile.open(unfinished, "w") as packed:
            for path in (place.data, place.password_file):
                packed.add(path, path.name)
        unfinished.rename(archive)
    finally:
        server.remove()
