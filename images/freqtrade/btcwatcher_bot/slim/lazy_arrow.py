"""pandas without pyarrow, a tenth of a plain bot, until something Arrow is asked for.

pandas imports pyarrow wherever it is installed, and keeps every text column in it. Here its import is put off, and text
is kept as Python strings: the same dtype `str` with pandas's other storage. A strategy that wants it, by `import
pyarrow`, `double[pyarrow]`, `read_parquet` or the option `mode.string_storage`, has it.
"""

import importlib
import importlib.machinery
import importlib.metadata
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, cast

from btcwatcher_bot.slim import lazy_modules

_COMPUTE = "pyarrow.compute"
_ASKED_FOR_BY_PANDAS = (
    "add_checked",
    "and_kleene",
    "bit_wise_and",
    "bit_wise_or",
    "bit_wise_xor",
    "equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "multiply_checked",
    "not_equal",
    "or_kleene",
    "power_checked",
    "subtract_checked",
    "xor",
)
"""What pandas puts into its tables of operators while it is imported. Anything else that it asks for loads pyarrow."""
_LOOKED_FOR_BY_PANDAS = ("Array", "ChunkedArray")
"""Classes that pandas looks for among whatever becomes a text column."""
_PARSERS = "pandas._libs.parsers"


def install() -> None:
    """From now on pyarrow is imported so. Does nothing where it is missing or pandas is already there."""
    if {"pandas", "pyarrow"} & sys.modules.keys():
        return
    try:
        version = importlib.metadata.version("pyarrow")
    except importlib.metadata.PackageNotFoundError:
        return
    arrays = {name: _StandIn(name, (), {}) for name in _LOOKED_FOR_BY_PANDAS}
    lazy_modules.install("pyarrow", known={"__version__": version, **arrays})
    lazy_modules.install(_COMPUTE, known={name: _late(name) for name in _ASKED_FOR_BY_PANDAS})
    # Of no use to a bot; it makes lists of Arrow's types when it is imported.
    lazy_modules.install("pandas.testing")
    sys.meta_path.insert(0, _ParsersFinder())


def keep_text_in_python() -> None:
    """Once pandas is there. An option that somebody has set stays as it is."""
    if isinstance(sys.modules.get("pyarrow"), lazy_modules.LazyModule):
        pandas = importlib.import_module("pandas")
        if pandas.get_option("mode.string_storage") == "auto":
            pandas.set_option("mode.string_storage", "python")


def _late(name: str) -> Callable[..., Any]:
    """The function of that name, found when it is called."""

    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(_COMPUTE), name)(*arguments, **options)

    call.__name__ = call.__qualname__ = name
    return call


class _StandIn(type):
    """A class of pyarrow before that is loaded: nothing is of it, and whoever wants more of it has the real one."""

    def __instancecheck__(cls, instance: object) -> bool:
        return _is_loaded() and isinstance(instance, cls._real())

    def __subclasscheck__(cls, subclass: type) -> bool:
        return cls is subclass or (_is_loaded() and issubclass(subclass, cls._real()))

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._real(), name)

    def _real(cls) -> type:
        module = sys.modules["pyarrow"]
        lazy_modules.load(module)
        return cast("type", module.__dict__[cls.__name__])


def _is_loaded() -> bool:
    return "pyarrow.lib" in sys.modules


class _ParsersLoader(importlib.machinery.ExtensionFileLoader):
    """Loads the CSV reader as if there were no pyarrow: it would make Arrow types at once, to read text quicker."""

    def exec_module(self, module: ModuleType) -> None:
        holders = [sys.modules[name] for name in ("pandas.compat", "pandas.compat.pyarrow") if name in sys.modules]
        before = [holder.__dict__.get("HAS_PYARROW") for holder in holders]
        try:
            for holder in holders:
                holder.__dict__["HAS_PYARROW"] = False
            super().exec_module(module)
        finally:
            for holder, value in zip(holders, before, strict=True):
                holder.__dict__["HAS_PYARROW"] = value


class _ParsersFinder:
    """Hands out the loader above, and nothing for anything else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _PARSERS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.ExtensionFileLoader:
            return None
        spec.loader = _ParsersLoader(spec.loader.name, spec.loader.path)
        return spec
