"""ccxt without its hundred exchanges: each is imported when its class is first asked for.

`ccxt`, `ccxt.async_support` and `ccxt.pro` each import every exchange they know; a bot trades on one. The three run as
they are written but for those import statements, and `ccxt.kraken` imports `ccxt/kraken.py` when somebody asks for it.
"""

import ast
import importlib
import importlib.machinery
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import Any

PACKAGES = frozenset({"ccxt", "ccxt.async_support", "ccxt.pro"})


def install() -> None:
    """From now on the three are imported so. Does nothing where ccxt is already there."""
    if not PACKAGES & sys.modules.keys():
        sys.meta_path.insert(0, _Finder())


def without_exchanges(tree: ast.Module, package: str) -> ast.Module:
    """The module without `from package.NAME import NAME` for each NAME in its list `exchanges`."""
    names = set(_exchanges(tree))

    def is_exchange(node: ast.stmt) -> bool:
        return (
            isinstance(node, ast.ImportFrom)
            and node.level == 0
            and [node.module] == [f"{package}.{alias.name}" for alias in node.names if alias.asname is None]
            and node.names[0].name in names
        )

    return ast.Module([node for node in tree.body if not is_exchange(node)], tree.type_ignores)


def _exchanges(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["exchanges"]:
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


class _Package(ModuleType):
    """A package whose exchanges are attributes that come when they are asked for."""

    exchanges: list[str]

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("exchanges", ()):
            importlib.import_module(f"{self.__name__}.{name}")
            return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds a submodule to its name in the package. Here that name means the class.
        if isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}":
            value = value.__dict__.get(name, value)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__dict__.get("exchanges", ())})


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one of the three."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        return compile(without_exchanges(tree, fullname), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Package
        super().exec_module(module)


class _Finder:
    """Hands out the loader above for the three, and nothing for anything else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in PACKAGES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec
