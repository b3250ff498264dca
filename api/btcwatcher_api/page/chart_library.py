"""Takes TradingView's Lightweight Charts out of a wheel that carries it: `python -m btcwatcher_api.page.chart_library
WHEEL`.

Run when an environment or an image is made: the file goes where `assets.py` looks for it. It is no part of this
repository, and nothing is fetched when the page is looked at.
"""

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Final

from btcwatcher_api.page.assets import LIBRARY_FILE

_NAME: Final = "/lightweight-charts.standalone.production.js"
_SHA256: Final = "c0992580867c4912cc9385b3c2728315bcc1a76c7f1087dca908430fccdf31d7"
"""Of version 5.2.0 as its makers publish it on npm: so it does not matter who carries it."""


class NoLibraryError(Exception):
    """The wheel is another one than was expected."""


def unpack(wheel: Path) -> bytes:
    """The script. Raises NoLibraryError, or zipfile's errors for what is no wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(_NAME)]
        if len(names) != 1:
            raise NoLibraryError(f"{wheel.name} holds {len(names)} files *{_NAME}, not one")
        script = archive.read(names[0])
    if hashlib.sha256(script).hexdigest() != _SHA256:
        raise NoLibraryError(f"{names[0]} in {wheel.name} is not Lightweight Charts as its makers published it")
    return script


def main() -> None:
    LIBRARY_FILE.parent.mkdir(parents=True, exist_ok=True)
    LIBRARY_FILE.write_bytes(unpack(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
