"""A real Postgres on loopback, from a wheel's binaries: no system service, no fixed port, no default password.

    async with EmbeddedPostgres(Path(".local/postgres")) as database_url: ...

`BTCWATCHER_DATABASE_URL` overrides it: then nothing is started and that URL is handed out.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from btcwatcher_local.loopback import HOST, free_port
from btcwatcher_local.postgres_place import Place, PostgresError, find_binaries, find_place, find_runner

__all__ = ["DATABASE_URL_VARIABLE", "EmbeddedPostgres", "PostgresError"]

DATABASE_URL_VARIABLE: Final = "BTCWATCHER_DATABASE_URL"
USER: Final = "btcwatcher"

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_PORT_ATTEMPTS: Final = 5
_IN_USE: Final = "Address already in use"


class EmbeddedPostgres:
    """One server with its data below `folder`, which survives restarts. Use it with `async with` or `with`.

    Entering gives the URL of the database (made if needed). Raises PostgresError with the server's own words.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database: str = "btcwatcher",
        port: int = 0,
        settings: dict[str, str] | None = None,
    ) -> None:
        self._asked = folder
        self._database = database
        self._port = port
        self._settings = settings or {}
        self._external = os.environ.get(DATABASE_URL_VARIABLE) or None
        self._password = ""
        self._place: Place | None = None
        self._binaries: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def external(self) -> bool:
        """Whether BTCWATCHER_DATABASE_URL names a database, so that nothing is started here."""
        return self._external is not None

    @property
    def url(self) -> str:
        """postgresql:// URL of the database, with the password."""
        return self._external or self.url_of(self._database)

    def url_of(self, database: str) -> str:
        """postgresql:// URL of another database of this server."""
        return f"postgresql://{USER}:{quote(self._password, safe='')}@{HOST}:{self._port}/{database}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def folder(self) -> Path:
        """Where the data really lies; another than was asked for when a system user could not reach that."""
        return self._place.folder if self._place else self._asked

    def start(self) -> str:
        """Start (or start again) and return the URL. Blocks for a few seconds the first time."""
        if self._external is not None:
            return self._external
        if self._place is None:
            self._place = find_place(self._asked, find_runner())
        place = self._place
        self._take_lock(place)
        try:
            self._binaries = find_binaries(place.runner, place.data)
            self._stop_orphan(place)
            self._initialise(place)
            self._launch(place)
            self._create_database()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what is committed is kept."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                process.kill()
                process.wait()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """kill -9 of the postmaster, for tests of what a crash does. `start` recovers from it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def remove(self) -> None:
        """Stop, and delete all that was stored, also where it lies in another folder than was asked for."""
        self.stop()
        if self.external:
            return
        if self._place is None:
            self._place = find_place(self._asked, find_runner())
        for folder in {self.folder, self._asked}:
            shutil.rmtree(folder, ignore_errors=True)
        self._place = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> str:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))

    # One supervisor a folder: the kernel drops the lock with its process, however that ends.

    def _take_lock(self, place: Place) -> None:
        if self._lock is not None:
            return
        lock = place.lock.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise PostgresError(f"another process already runs the Postgres in {place.folder}") from None
        self._lock = lock

    def _stop_orphan(self, place: Place) -> None:
        """Deal with postmaster.pid: a postmaster whose supervisor died is stopped, a stale file removed."""
        pid_file = place.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if _is_postmaster(pid, place.data):
            self._pg_ctl(place, "stop", "-m", "fast", "-w", "-t", str(int(_STOP_SECONDS)))
            if _is_postmaster(pid, place.data):
                self._pg_ctl(place, "stop", "-m", "immediate", "-w", "-t", "10")
        else:
            # Postgres itself takes the number for alive when any other process has been given it since.
            pid_file.unlink(missing_ok=True)

    def _pg_ctl(self, place: Place, *arguments: str) -> None:
        place.runner.run(self._binary("pg_ctl"), "-D", place.data, *arguments)

    def _initialise(self, place: Place) -> None:
        if (place.data / "PG_VERSION").exists():
            self._password = place.password_file.read_text().strip()
            return
        if place.data.exists() and any(place.data.iterdir()):
            raise PostgresError(f"{place.data} is neither empty nor a Postgres data folder: move it away")
        # A leading letter and no special characters: it stands in URLs and environment variables.
        self._password = "p" + secrets.token_hex(24)
        place.password_file.unlink(missing_ok=True)
        with os.fdopen(os.open(place.password_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(self._password + "\n")
        place.runner.own(place.password_file)
        result = place.runner.run(
            self._binary("initdb"),
            f"--pgdata={place.data}",
            f"--username={USER}",
            f"--pwfile={place.password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
            timeout=180,
        )
        if result.returncode != 0:
            raise PostgresError(f"initdb failed: {(result.stderr or result.stdout).strip()[-1000:]}")

    def _launch(self, place: Place) -> None:
        wanted = self._port
        for attempt in range(_PORT_ATTEMPTS):
            port = wanted or free_port()
            try:
                self._launch_on(place, port)
            except PostgresError as error:
                # A free port can be taken between looking and listening; a busy wanted one is passed over.
                if _IN_USE not in str(error) or attempt == _PORT_ATTEMPTS - 1:
                    raise
                wanted = 0
            else:
                self._port = port
                return

    def _launch_on(self, place: Place, port: int) -> None:
        options = {
            "port": str(port),
            "listen_addresses": HOST,
            # A socket's path is limited to about 100 characters, and a checkout may lie deeper.
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "max_connections": "60",
            "log_statement": "none",
            "log_min_duration_statement": "-1",
            "log_parameter_max_length_on_error": "0",
            "fsync": "on",
            **self._settings,
        }
        command = [str(self._binary("postgres")), "-D", str(place.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        log_begin = place.log.stat().st_size if place.log.exists() else 0
        with place.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=place.runner.uid,
                group=place.runner.gid,
                extra_groups=[] if place.runner.changes else None,
                umask=0o077,
                # Ctrl-C in the terminal is for the supervisor, which stops this in its own order.
                start_new_session=True,
            )
        self._wait_ready(place, port, log_begin)

    def _wait_ready(self, place: Place, port: int, log_begin: int) -> None:
        process = self._process
        deadline = time.monotonic() + _START_SECONDS
        url = f"postgresql://{USER}:{self._password}@{HOST}:{port}/postgres"
        while process is not None:
            if process.poll() is not None:
                raise PostgresError(f"Postgres did not start: {_tail(place.log, log_begin)}")
            try:
                psycopg.connect(url, connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresError(f"Postgres is not ready after {_START_SECONDS:.0f} s: {error}") from error
                time.sleep(0.05)
            else:
                return

    def _create_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (self._database,)).fetchone()
            if row is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))

    def _binary(self, name: str) -> Path:
        if self._binaries is None:
            raise PostgresError("not started")
        return self._binaries / name


def _is_postmaster(pid: int, data: Path) -> bool:
    """Whether the process is a postmaster of this data folder and not somebody who was given its number later."""
    return any("postgres" in part for part in _command_line(pid)) and str(data) in " ".join(_command_line(pid))


def _command_line(pid: int) -> list[str]:
    if Path("/proc/self").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return []
        return [part.decode(errors="replace") for part in raw.split(b"\0")]
    result = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return result.stdout.split()


def _tail(log: Path, begin: int, length: int = 1500) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode(errors="replace").strip()
    return text[-length:] or "it said nothing"
