"""Where everything of one stack lies, and the secrets it makes for itself."""

import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path
    """The stack's folder, `.local` of the checkout unless told otherwise."""

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def pods(self) -> Path:
        return self.root / "node"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def volumes(self) -> Path:
        return self.root / "volumes"

    @property
    def pid_file(self) -> Path:
        return self.root / "processes.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def image_table(self) -> Path:
        return self.root / "images.json"

    @property
    def values(self) -> Path:
        """What the chart is installed with."""
        return self.root / "values.json"

    @property
    def platform_secrets(self) -> Path:
        return self.root / "keys" / "platform-secrets.json"

    @property
    def exchange(self) -> Path:
        """Where the market-data cache finds the paper exchange."""
        return self.root / "exchange.json"

    @property
    def channel_secrets(self) -> Path:
        return self.root / "channel-secrets.json"

    @property
    def prometheus(self) -> Path:
        return self.root / "prometheus"

    @property
    def alertmanager(self) -> Path:
        return self.root / "alertmanager"

    def key(self, name: str) -> Path:
        return self.root / "keys" / name

    def clear(self) -> None:
        """Removes everything but the lock, which its holder still needs."""
        for entry in self.root.iterdir():
            if entry == self.lock_file:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Makes the folders and the keys that are missing. The cluster's state is in memory: its leftovers go."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        shutil.rmtree(self.volumes, ignore_errors=True)
        for name in ("webhook", "bot", "signing", "cluster-token", "read-token"):
            make_key(self.key(name))


def make_key(path: Path) -> None:
    """A random key, readable by its owner only; one that exists stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return
    # Nothing that reads it may take it for a number or a truth value: it begins with a letter.
    write_private(path, "k" + secrets.token_urlsafe(48))


def write_private(path: Path, text: str) -> None:
    """A new file, readable by its owner only from the first moment on; an older one of its name goes."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)


def freqtrade_python() -> Path:
    """The Python of the environment that freqtrade is installed in."""
    return REPOSITORY / ".tools" / "freqtrade" / "bin" / "python"


def command(name: str) -> str:
    """A command of this environment, whether or not the environment is active."""
    return str(Path(sys.executable).parent / name)


def kubectl() -> str:
    """kubectl from the PATH, or the pinned one of this checkout."""
    return shutil.which("kubectl") or str(REPOSITORY / ".tools" / "bin" / "kubectl")


def helm() -> str:
    """The pinned helm of this checkout."""
    return str(REPOSITORY / ".tools" / "helm" / "helm-4")
