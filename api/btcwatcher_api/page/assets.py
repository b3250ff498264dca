"""The page's own scripts and styles, and the chart library, as files; each with its hash in its address."""

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from btcwatcher_api.problems import Problem

PATH: Final = "/assets"
_FOLDER: Final = Path(__file__).parent / "assets"
_KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
CHART_LIBRARY: Final = "lightweight-charts.js"
LIBRARY_FILE: Final = Path(sys.prefix) / "share" / "btcwatcher" / CHART_LIBRARY
"""Put there by chart_library.py, when the environment or the image is made."""

router = APIRouter()


@cache
def _files() -> dict[str, Path]:
    own = {path.name: path for path in _FOLDER.iterdir() if path.suffix in _KINDS}
    return own | ({CHART_LIBRARY: LIBRARY_FILE} if LIBRARY_FILE.is_file() else {})


@cache
def _content(name: str) -> bytes:
    return _files()[name].read_bytes()


@cache
def version(name: str) -> str:
    """A word that is another one as soon as the file is."""
    return hashlib.sha256(_content(name)).hexdigest()[:12]


def address(name: str) -> str:
    """Its path; one that browsers may keep for ever."""
    return f"{PATH}/{version(name)}/{name}"


def charts_there() -> bool:
    return CHART_LIBRARY in _files()


# Whatever version is asked for, the answer is ours: a page of the replica before may ask.
@router.get(PATH + "/{version}/{name}", include_in_schema=False, response_class=Response)
async def asset(name: str, version: str) -> Response:
    if name not in _files():
        raise Problem(404, "there is no such file")
    return Response(
        _content(name),
        media_type=_KINDS[_files()[name].suffix],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
