"""`btcwatcher-api key`: a machine's API key in a file, made once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from btcwatcher_api.accounts.key_file import keep_key
from btcwatcher_api.accounts.roles import Role
from support import api

pytestmark = pytest.mark.integration

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(postgres_url: str) -> Run:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE api_keys, audit_log")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "btcwatcher_api.main", "key", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "", "BTCWATCHER_DATABASE_URL": postgres_url},
        )

    return run


def rows(postgres_url: str, query: str) -> list[Any]:
    with psycopg.connect(postgres_url) as connection:
        return connection.execute(query).fetchall()


async def test_the_key_in_the_file_is_let_in_and_kept(run: Run, postgres_url: str, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager"
    wanted = ("alertmanager", "--role", "trader", "--file", str(file))
    made = run(*wanted)
    assert made.returncode == 0, made.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    secret = file.read_text()
    assert secret.startswith("btcw_")
    assert secret not in made.stdout + made.stderr
    async with api.running(postgres_url, tmp_path, **api.signing_key(tmp_path)) as served:
        answer = await served.http.get("/api/v1/signals/", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200

    assert not await keep_key(postgres_url, "alertmanager", Role.TRADER, file)
    assert file.read_text() == secret, "it is good"
    assert rows(postgres_url, "SELECT actor, action, subject FROM audit_log") == [
        ("btcwatcher-api key", "key.create", "key:alertmanager")
    ]


@pytest.mark.parametrize("held", [None, "", "btcw_of-another-database", "of another role"])
async def test_a_key_that_is_not_good_is_replaced(
    held: str | None, run: Run, postgres_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "alertmanager"
    await keep_key(postgres_url, "alertmanager", Role.VIEWER, file)
    if held is None:
        file.unlink()
    elif held != "of another role":
        file.write_text(held)
    assert await keep_key(postgres_url, "alertmanager", Role.TRADER, file)
    assert file.read_text() not in (held, "")
    assert rows(postgres_url, "SELECT name, role FROM api_keys WHERE revoked_at IS NULL") == [
        ("alertmanager", "trader")
    ]


def test_what_does_not_work_is_said(run: Run, tmp_path: Path) -> None:
    refused = run("Not A Name", "--file", str(tmp_path / "key"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "is no name for a key" in refused.stderr


async def test_a_folder_that_is_not_there_leaves_no_key_behind(run: Run, postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        await keep_key(postgres_url, "grafana", Role.VIEWER, tmp_path / "none" / "key")
    assert rows(postgres_url, "SELECT name FROM api_keys WHERE revoked_at IS NULL") == []
