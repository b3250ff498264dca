"""Looks at a strategy file that somebody uploads, without importing it. Pure."""

import ast
import re
from dataclasses import dataclass
from typing import Final

from btcwatcher_crds.strategy import SOURCE_MAX_BYTES

_FILE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}[.]py")
_BASE: Final = "IStrategy"


class SourceError(ValueError):
    """What is wrong with the file; `field` is what to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may hold strategies."""

    name: str
    text: str
    classes: tuple[str, ...]
    """The strategy classes in it, in order."""


def source_file(name: str, content: bytes, wanted: str | None = None) -> SourceFile:
    """Raises SourceError for what freqtrade could not load; `wanted` is the class that must be there."""
    if not _FILE_NAME.fullmatch(name):
        raise SourceError("file", "must be named as a Python module, such as ema_cross.py")
    if len(content) > SOURCE_MAX_BYTES:
        raise SourceError("file", f"has {len(content)} bytes; a strategy file has at most {SOURCE_MAX_BYTES}")
    try:
        text = content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise SourceError("file", "must be text in UTF-8") from None
    classes = _strategies(_parsed(text))
    if wanted is not None and wanted not in classes:
        raise SourceError("class_name", f"there is no strategy class {wanted} in {name}; {_there(classes)}")
    if not classes:
        raise SourceError("file", f"no class in it is a strategy: freqtrade looks for one derived from {_BASE}")
    return SourceFile(name, text, classes)


def _there(classes: tuple[str, ...]) -> str:
    return f"there is {', '.join(classes)}" if classes else f"there is no class derived from {_BASE} at all"


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise SourceError("file", f"is not Python: {where}{error.msg}") from None
    except (ValueError, RecursionError, MemoryError):  # a NUL; nested too deeply
        raise SourceError("file", "is not Python that can be read") from None


def _strategies(module: ast.Module) -> tuple[str, ...]:
    found = [_BASE]
    for statement in module.body:
        if isinstance(statement, ast.ClassDef) and any(_last_name(base) in found for base in statement.bases):
            found.append(statement.name)
    return tuple(found[1:])


def _last_name(base: ast.expr) -> str | None:
    if isinstance(base, ast.Attribute):
        return base.attr
    return base.id if isinstance(base, ast.Name) else None
