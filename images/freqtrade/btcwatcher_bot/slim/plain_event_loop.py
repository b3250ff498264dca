"""The bot's API on Python's own event loop.

freqtrade makes a uvloop for its API where uvloop is installed, and never closes it: each reload of the config leaves
one behind, 300 kilobytes that no collector finds. Without uvloop it takes Python's own; so its one import of uvloop
finds none. Anybody else's finds it.
"""

import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_ASKS = "freqtrade.rpc.api_server.uvicorn_threaded"


def install() -> None:
    """From now on freqtrade's API server finds no uvloop, unless a strategy has imported it before."""
    sys.meta_path.insert(0, _Finder())


class _Finder:
    """Says that there is no uvloop to the one module, and nothing to any other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "uvloop" and _importer() == _ASKS:
            raise ModuleNotFoundError(f"No module named {fullname!r}: see {__name__}", name=fullname)
        return None


def _importer() -> str:
    """The name of the module whose import statement is carried out."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")) in (__name__, *_IMPORT_SYSTEM):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))


_IMPORT_SYSTEM = ("importlib._bootstrap", "importlib._bootstrap_external")
