"""Libraries without their docstrings: nine megabytes of manuals that no bot reads.

As `python -OO` would, but for the libraries named here only: freqtrade, a strategy and what else its user installed
keep their asserts and docstrings. Where optimised bytecode lies beside a module it is taken (the image and `make setup`
put it there); where there is none, or an old one, all is as usual, so no start ever compiles for it.
"""

import importlib.machinery
import importlib.util
import marshal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

LIBRARIES = frozenset(
    (
        "aiohttp",
        "anyio",
        "ccxt",
        "cryptography",
        "fastapi",
        "jsonschema",
        "numpy",
        "pandas",
        "pydantic",
        "requests",
        "rich",
        "sqlalchemy",
        "starlette",
        "urllib3",
        "uvicorn",
        "websockets",
    )
)
"""Not scipy, which looks at the interpreter's flags and takes a missing docstring for a mistake otherwise."""
_LEVEL = "2"
_HASHED, _CHECKED = 0b01, 0b10


def install() -> None:
    """From now on these are imported so."""
    sys.meta_path.insert(0, _Finder())


def optimised(path: str) -> CodeType | None:
    """The bytecode without asserts and docstrings of a source file, if it is there and made of what is there now."""
    try:
        data = memoryview(Path(importlib.util.cache_from_source(path, optimization=_LEVEL)).read_bytes())
        if data[:4] != importlib.util.MAGIC_NUMBER or not _is_of(path, data[4:16]):
            return None
        code = marshal.loads(data[16:])  # noqa: S302 - as the import system does, from the same place
    except (OSError, EOFError, ValueError, TypeError, NotImplementedError):
        return None
    return code if isinstance(code, CodeType) else None


def _is_of(path: str, header: memoryview) -> bool:
    """Whether bytecode with this header was made of the source as it is: PEP 552."""
    flags = int.from_bytes(header[:4], "little")
    if not flags & _HASHED:
        found = Path(path).stat()
        made_of = (int.from_bytes(header[4:8], "little"), int.from_bytes(header[8:12], "little"))
        return made_of == (int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF)
    return not flags & _CHECKED or header[4:12] == importlib.util.source_hash(Path(path).read_bytes())


class _Loader(importlib.machinery.SourceFileLoader):
    """Takes the optimised bytecode where it is."""

    def get_code(self, fullname: str) -> CodeType | None:
        return optimised(self.get_filename(fullname)) or super().get_code(fullname)


class _Finder:
    """Hands out the loader above for modules of the libraries, and nothing for anything else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in LIBRARIES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec
