"""The backup of docs/backup.md: what `pg_dump` wrote and `pg_restore` brought back goes on as if nothing had been."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from btcwatcher_api.migrate import migrate
from btcwatcher_local.postgres import EmbeddedPostgres
from btcwatcher_local.postgres_place import find_binaries, find_runner
from support import api
from support.api import FREQTRADE, Api

pytestmark = pytest.mark.integration

RESTORED = "restored_from_a_dump"
ACCOUNT = {"username": "ada", "password": "correct horse battery staple"}


@pytest.fixture
def restored(postgres: EmbeddedPostgres, postgres_url: str) -> Iterator[str]:
    """An empty database to restore into."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(RESTORED)))
        yield postgres.url_of(RESTORED)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(RESTORED)))


async def test_signals_and_accounts_come_back_and_nothing_is_taken_twice(
    postgres: EmbeddedPostgres, postgres_url: str, restored: str, tmp_path: Path
) -> None:
    async with api.running(postgres_url, tmp_path, **api.signing_key(tmp_path)) as before:
        assert (await before.http.post("/api/v1/auth/register", json=ACCOUNT)).status_code == 201
        identifiers = [(await before.send(FREQTRADE[kind])).json()["id"] for kind in ("entry", "entry_fill", "exit")]
        history = await before.history()
    await asyncio.to_thread(_dump_and_restore, postgres, postgres_url, restored, tmp_path / "btcwatcher.dump")
    await asyncio.to_thread(migrate, restored, 3)
    async with api.running(restored, tmp_path, **api.signing_key(tmp_path)) as after:
        assert await after.history() == history
        again = [(await after.send(FREQTRADE[kind])).json()["id"] for kind in ("entry", "entry_fill", "exit")]
        assert again == identifiers
        assert await after.history() == history
        assert await _sign_in(after) == 200


def _dump_and_restore(postgres: EmbeddedPostgres, old: str, new: str, file: Path) -> None:
    binaries = find_binaries(find_runner(), postgres.folder / "data")
    subprocess.run([binaries / "pg_dump", "--format=custom", f"--file={file}", old], check=True)
    subprocess.run([binaries / "pg_restore", "--no-owner", f"--dbname={new}", file], check=True)


async def _sign_in(served: Api) -> int:
    return (await served.http.post("/api/v1/auth/token", json=ACCOUNT)).status_code
