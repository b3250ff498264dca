"""The embedded Postgres: starts, survives what happens to it, leaves nothing behind."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from btcwatcher_local.loopback import free_port
from btcwatcher_local.postgres import EmbeddedPostgres, PostgresError

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BTCWATCHER_DATABASE_URL", raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres")
    yield server
    server.remove()


def one(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


async def test_what_is_stored_survives_a_restart_and_a_crash(server: EmbeddedPostgres) -> None:
    async with server as url:
        one(url, "CREATE TABLE kept AS SELECT 7 AS seven")
        port, first = server.port, server.pid
    assert first is not None
    assert server.pid is None
    async with server as url:
        assert one(url, "SELECT seven FROM kept") == 7
        assert server.port == port
        server.kill()
        assert server.start() == url
        assert one(url, "SELECT seven FROM kept") == 7


def test_it_listens_on_loopback_with_a_password_and_never_as_root(server: EmbeddedPostgres) -> None:
    with server as url:
        assert one(url, "SELECT inet_server_addr()::text") == "127.0.0.1/32"
        assert one(url, "SHOW listen_addresses") == "127.0.0.1"
        assert one(url, "SHOW password_encryption") == "scram-sha-256"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host="127.0.0.1", port=server.port, user="btcwatcher", password="btcwatcher", dbname="postgres"
            )
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0 if Path("/proc/self").exists() else True
    mode = (server.folder / "password").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_another_process_keeps_its_hands_off(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with server, pytest.raises(PostgresError, match="another process"):
        EmbeddedPostgres(tmp_path / "postgres").start()


def test_a_postmaster_whose_supervisor_died_is_replaced(server: EmbeddedPostgres, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from btcwatcher_local.postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "postgres")], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    orphan = int(supervisor.stdout.readline())
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    supervisor.stdout.close()
    with server as url:
        assert one(url, "SELECT 1") == 1
        assert server.pid != orphan
        assert _gone(orphan)


def test_a_stale_pid_file_that_names_somebody_else_is_no_obstacle(server: EmbeddedPostgres) -> None:
    with server:
        pid_file = server.folder / "data" / "postmaster.pid"
        lines = pid_file.read_text().split("\n")
        owner = pid_file.stat()
        server.kill()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    with server as url:
        assert one(url, "SELECT 1") == 1


def test_a_busy_port_is_passed_over(tmp_path: Path) -> None:
    first, second = EmbeddedPostgres(tmp_path / "one"), EmbeddedPostgres(tmp_path / "two", port=0)
    try:
        first.start()
        second = EmbeddedPostgres(tmp_path / "two", port=first.port)
        second.start()
        assert second.port != first.port
        assert one(second.url, "SELECT 1") == 1
    finally:
        first.remove()
        second.remove()


def test_a_given_database_is_used_and_nothing_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BTCWATCHER_DATABASE_URL", "postgresql://somewhere/else")
    server = EmbeddedPostgres(tmp_path / "postgres", port=free_port())
    with server as url:
        assert url == "postgresql://somewhere/else"
        assert server.external
        assert server.pid is None
    assert not (tmp_path / "postgres").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand Postgres to another user")
def test_below_a_private_folder_of_root_it_lies_elsewhere_and_says_where(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    asked = tmp_path / "checkout" / ".local" / "postgres"
    server = EmbeddedPostgres(asked)
    try:
        with server as url:
            assert one(url, "SELECT 1") == 1
            elsewhere = server.folder
            assert elsewhere != asked
            assert (asked / "location").read_text().strip() == str(elsewhere)
            assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    finally:
        server.remove()
    assert not elsewhere.exists()
    assert not asked.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand Postgres to another user")
def test_several_that_start_at_once_copy_the_binaries_once() -> None:
    asked_for = (
        "import pathlib; from btcwatcher_local import postgres_place as place; runner = place.find_runner(); "
        # As where the environment lies in a folder that only root may enter.
        "place.Runner.can = lambda self, test, path: 'site-packages' not in str(path); "
        "print(runner.run(place.find_binaries(runner, pathlib.Path('nothing')) / 'postgres', '--version').stdout)"
    )
    # Not below pytest's folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        started = [
            subprocess.Popen(
                [sys.executable, "-c", asked_for],
                env={**os.environ, "TMPDIR": temporary},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(4)
        ]
        assert all("PostgreSQL" in process.communicate()[0] for process in started)


def test_a_folder_of_somebody_elses_files_is_left_alone(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    server.stop()
    data = server.folder / "data"
    (data / "PG_VERSION").unlink()
    try:
        with pytest.raises(PostgresError, match="neither empty nor a Postgres data folder"):
            server.start()
        assert (data / "postgresql.conf").exists()
    finally:
        server.remove()


def _gone(pid: int) -> bool:
    """Ended; where nobody collects orphans it may still be listed, as a zombie."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False
