"""The two files that the exec probes look at."""

from pathlib import Path


def present(path: Path) -> None:
    """Make the file, or renew its time: the probes believe only a fresh one, for a frozen process renews nothing."""
    path.touch()


def absent(path: Path) -> None:
    """Remove the file, if it is there."""
    path.unlink(missing_ok=True)
