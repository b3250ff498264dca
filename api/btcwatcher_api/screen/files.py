"""FreqUI's files, as they lie in a folder, and its page with our script in it."""

import json
from pathlib import Path
from typing import Any, Final

from btcwatcher_api.settings import SettingsError, variable

_HEAD: Final = "<head>"
_INDEX: Final = "index.html"
_SCRIPT: Final = (
    '<script type="application/json" id="btcwatcher-fleet">{fleet}</script><script src="/btcwatcher/fleet.js"></script>'
)
"""The first is data, which runs nothing. The second runs before FreqUI does, whose own scripts are modules."""


class Files:
    """What was there at the start, by path: a path that names none of these leads nowhere. Raises SettingsError."""

    def __init__(self, folder: Path) -> None:
        name = variable("frequi_dir")
        try:
            page = (folder / _INDEX).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{name} ({folder}) holds no FreqUI: its {_INDEX} cannot be read. Give the folder of a built FreqUI"
            ) from error
        before, head, after = page.partition(_HEAD)
        if not head:
            raise SettingsError(f"{name} ({folder}): {_INDEX} has no {_HEAD}, so it is no FreqUI")
        self._page = (before + head, after)
        self.version = _version(folder)
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path != folder / _INDEX
        }

    def find(self, path: str) -> Path | None:
        return self._files.get(path)

    def page(self, fleet: dict[str, Any]) -> str:
        """FreqUI's page for who is signed in."""
        # Inside a script element only `<` could mean anything to HTML.
        told = json.dumps(fleet, separators=(",", ":")).replace("<", "\\u003c")
        return self._page[0] + _SCRIPT.format(fleet=told) + self._page[1]


def _version(folder: Path) -> str:
    """As freqtrade's own installation of FreqUI writes it down."""
    try:
        return (folder / ".uiversion").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return "unknown"
