"""Write a set of files so that a reader sees all of the old ones or all of the new ones.

The layout is the kubelet's: a fresh folder `..<stamp>`, a symlink `..data` swapped onto it by rename, and one
symlink per top-level name through `..data`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from btcwatcher_local.client import times

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DATA = "..data"


@dataclass(frozen=True, slots=True)
class Payload:
    content: bytes
    mode: int


def write_files(folder: Path, files: Mapping[str, Payload]) -> bool:
    """Make `folder` hold exactly `files` (relative path -> payload); False when it already did."""
    folder.mkdir(parents=True, exist_ok=True)
    current = _current(folder)
    if current is not None and _holds(current, files):
        return False
    stamp = times.now().strftime("..%Y_%m_%d_%H_%M_%S.") + uuid.uuid4().hex[:9]
    fresh = folder / stamp
    fresh.mkdir(mode=0o755)
    for path, payload in files.items():
        target = fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(payload.content)
        target.chmod(payload.mode)
    swap = folder / "..data_tmp"
    with contextlib.suppress(FileNotFoundError):
        swap.unlink()
    swap.symlink_to(stamp)
    swap.replace(folder / DATA)
    _link_names(folder, {path.split("/", 1)[0] for path in files})
    if current is not None:
        shutil.rmtree(current, ignore_errors=True)
    return True


def write_private(path: Path, text: str) -> None:
    """One file that only its owner can read, whole at every moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def _current(folder: Path) -> Path | None:
    try:
        return folder / os.readlink(folder / DATA)  # noqa: PTH115 - the raw target is wanted
    except OSError:
        return None


def _holds(current: Path, files: Mapping[str, Payload]) -> bool:
    present = {str(path.relative_to(current)) for path in current.rglob("*") if path.is_file()}
    if present != set(files):
        return False
    return all(
        (current / path).read_bytes() == payload.content and (current / path).stat().st_mode & 0o777 == payload.mode
        for path, payload in files.items()
    )


def _link_names(folder: Path, names: set[str]) -> None:
    for name in names:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
