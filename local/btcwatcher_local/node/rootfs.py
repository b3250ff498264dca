"""A container's root folder: fresh at each start, its mounts as symlinks to the volumes.

There is no mount namespace, so a container finds its files by paths relative to its working directory, which
lies inside this folder. A symlink cannot be read-only: `readOnly` mounts are not enforced.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from btcwatcher_local.node.env import ConfigError
from btcwatcher_local.node.expand import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from btcwatcher_local.client.resources import Obj

DEFAULT_TERMINATION_LOG = "/dev/termination-log"


def inside(root: Path, container_path: str) -> Path:
    """The host path of a path in the container; `..` cannot lead out of the root."""
    return root / os.path.normpath("/" + container_path).lstrip("/")


def build(rootfs: Path, container: Obj, volumes: Mapping[str, Path], env: Mapping[str, str]) -> None:
    """Make the root folder anew and link every volumeMount. Raises ConfigError for a mount that cannot be made."""
    if rootfs.exists():
        shutil.rmtree(rootfs)  # symlinks are removed, what they point to stays
    (rootfs / "tmp").mkdir(parents=True)
    rootfs.chmod(0o700)
    mounts = sorted(container.get("volumeMounts") or [], key=lambda mount: mount["mountPath"].count("/"))
    for mount in mounts:
        volume = volumes.get(mount["name"])
        if volume is None:
            raise ConfigError(f'volume "{mount["name"]}" of the mount {mount["mountPath"]} is not defined')
        _link(inside(rootfs, mount["mountPath"]), _source(volume, mount, env), mount)


def _source(volume: Path, mount: Obj, env: Mapping[str, str]) -> Path:
    sub_path = mount.get("subPath") or expand(mount.get("subPathExpr") or "", env)
    if not sub_path:
        return volume
    if sub_path.startswith("/") or ".." in Path(sub_path).parts:
        raise ConfigError(f"subPath {sub_path!r} must be relative and must not hold '..'")
    source = volume / sub_path
    if not source.exists():
        source.mkdir(parents=True)  # as the kubelet does: a folder, when nothing is there
    return source


def _link(target: Path, source: Path, mount: Obj) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()  # left in a volume by an earlier start, below another mount
    elif target.is_dir():
        try:
            target.rmdir()
        except OSError as error:
            raise ConfigError(f"mountPath {mount['mountPath']} is a folder that is not empty") from error
    elif target.exists():
        target.unlink()
    target.symlink_to(source.absolute())


def working_dir(rootfs: Path, path: str) -> Path:
    """Host path of the container's working directory, made when missing."""
    folder = inside(rootfs, path or "/")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def termination_log(rootfs: Path, container: Obj, cwd: Path) -> tuple[Path, str]:
    """Make the empty termination message file; its host path, and how the process is told of it.

    The told path is relative to the working directory, or absolute when that is a mount (then `..` would lead
    out of the volume, not to the root).
    """
    path = inside(rootfs, container.get("terminationMessagePath") or DEFAULT_TERMINATION_LOG)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    if cwd.resolve().is_relative_to(rootfs.resolve()):
        return path, os.path.relpath(path.resolve(), cwd.resolve())
    return path, str(path.absolute())


def executable(argv0: str, rootfs: Path, cwd: Path, search_path: str) -> str | None:
    """What to execute for the first word of a command; None when there is no such program.

    An absolute path that exists in the container's root wins over the machine's own.
    """
    if argv0.startswith("/"):
        own = inside(rootfs, argv0)
        if own.is_file():
            return str(own)
        return argv0 if os.access(argv0, os.X_OK) else None
    if "/" in argv0:
        return argv0 if os.access(cwd / argv0, os.X_OK) else None
    return shutil.which(argv0, path=search_path)
