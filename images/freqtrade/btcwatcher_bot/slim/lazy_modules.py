"""Modules that are imported when something of theirs is first asked for, and not before.

`importlib.util.LazyLoader` does the same, but also loads a package when only its path is asked for, which importing one
of its modules does, and before Python 3.11.9 two threads that ask at once may find half a module.
"""

import importlib.machinery
import sys
import threading
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """Stands for a module until something of it is asked for, then becomes it.

    Its name and where it lies are known without loading it, so its submodules can be imported.
    """

    def __getattr__(self, name: str) -> Any:
        load(self)
        if name in self.__dict__:
            return self.__dict__[name]
        # A module may have such a function of its own, which only plain modules are asked for by the interpreter.
        if (own := self.__dict__.get("__getattr__")) is not None:
            return own(name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        load(self)
        own = self.__dict__.get("__dir__")
        return list(own()) if own is not None else sorted(self.__dict__)


class LazyLoader(importlib.machinery.SourceFileLoader):
    """Imports one module without running it, and runs it when told."""

    def __init__(self, fullname: str, path: str, known: Mapping[str, object]) -> None:
        super().__init__(fullname, path)
        self._known = known
        self._lock = threading.RLock()
        self._under_way = False

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update(self._known)
        module.__class__ = LazyModule

    def run(self, module: ModuleType) -> None:
        """Run it once. Another thread that asks meanwhile waits; the one that runs it finds what is there so far."""
        with self._lock:
            if self._under_way or type(module) is not LazyModule:
                return
            self._under_way = True
            for name in self._known:
                module.__dict__.pop(name, None)
            try:
                super().exec_module(module)
                _become_plain(module)
            except BaseException:
                module.__dict__.update(self._known)
                raise
            finally:
                self._under_way = False


def _become_plain(module: ModuleType) -> None:
    module.__class__ = ModuleType


def load(module: ModuleType) -> None:
    """Load a module that is lazy; any other is left alone."""
    if type(module) is LazyModule and module.__spec__ is not None and isinstance(module.__spec__.loader, LazyLoader):
        module.__spec__.loader.run(module)


class LazyFinder:
    """Finds the module of this name, and nothing else, where the path says."""

    def __init__(self, name: str, known: Mapping[str, object]) -> None:
        self._name = name
        self._known = known

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        spec.loader = LazyLoader(spec.loader.name, spec.loader.path, self._known)
        return spec


def install(name: str, known: Mapping[str, object] | None = None) -> None:
    """From now on the module of this name is imported so, unless it is there already.

    What is known of it without loading it is answered without loading it.
    """
    sys.meta_path.insert(0, LazyFinder(name, known or {}))
