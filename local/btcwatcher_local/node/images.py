"""The image table: which local command stands for which container image."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LocalImage:
    """What an image's own configuration would say: entry point, default arguments, env, working directory."""

    key: str
    command: list[str]
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    working_dir: str = ""

    @property
    def image_id(self) -> str:
        return f"local://{self.key}"


class ImageError(LookupError):
    """No command is known for an image; the text is the message for the pod's status."""


class ImageTable:
    """Looks images up by the end of their repository path; registry, tag and digest do not count.

    Made from a mapping `{"btcwatcher/freqtrade": {"command": [...], "args": [...], "env": {...},
    "workingDir": "/bot"}}` or from a JSON file of that shape, which is read again when it has changed.
    """

    def __init__(self, source: Path | Mapping[str, Any]) -> None:
        self._path = source if isinstance(source, Path) else None
        self._modified = 0
        self._images: dict[str, LocalImage] = {}
        if not isinstance(source, Path):
            self._images = _parse(source)

    @property
    def origin(self) -> str:
        return str(self._path) if self._path else "the image table"

    def find(self, image: str) -> LocalImage:
        """The table's entry for `image`; the longest matching key wins. Raises ImageError."""
        self._refresh()
        wanted = repository(image).split("/")
        best: LocalImage | None = None
        for key, entry in self._images.items():
            parts = key.split("/")
            if wanted[-len(parts) :] == parts and (best is None or len(parts) > best.key.count("/") + 1):
                best = entry
        if best is None:
            known = ", ".join(sorted(self._images)) or "none"
            raise ImageError(
                f'failed to pull image "{image}": no local command is known for it in {self.origin} '
                f"(images run as local processes here; known: {known})"
            )
        return best

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            modified = self._path.stat().st_mtime_ns
            if modified != self._modified:
                self._images = _parse(json.loads(self._path.read_text()))
                self._modified = modified
        except (OSError, ValueError) as error:
            raise ImageError(f"the image table {self._path} cannot be read: {error}") from error


def repository(image: str) -> str:
    """`registry:5000/a/b:tag@sha256:...` -> `registry:5000/a/b`."""
    bare = image.split("@", 1)[0]
    head, _, last = bare.rpartition("/")
    last = last.split(":", 1)[0]
    return f"{head}/{last}" if head else last


def _parse(table: Mapping[str, Any]) -> dict[str, LocalImage]:
    images = {}
    for key, entry in table.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("command", []), list):
            raise ValueError(f"image table entry {key!r} must be an object with a list 'command'")
        images[key] = LocalImage(
            key=key,
            command=[str(part) for part in entry.get("command") or []],
            args=[str(part) for part in entry.get("args") or []],
            env={str(name): str(value) for name, value in (entry.get("env") or {}).items()},
            working_dir=str(entry.get("workingDir") or ""),
        )
    return images
