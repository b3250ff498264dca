"""Modules that load when they are asked for behave as modules that were loaded at once."""

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from btcwatcher_bot.slim.lazy_modules import LazyFinder, LazyModule


@pytest.fixture
def lazy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package `slimmed` that is imported lazily."""
    package = tmp_path / "slimmed"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import slimmed.part\nfrom slimmed.log import lines\nlines.append('whole')\nvalue = 7\n"
        "def __getattr__(name):\n    if name == 'answer':\n        return 42\n    raise AttributeError(name)\n"
    )
    (package / "part.py").write_text("import slimmed\nhalf = not hasattr(slimmed, 'value')\n")
    (package / "log.py").write_text("lines = []\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    finder = LazyFinder("slimmed", {})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "slimmed"]:
        del sys.modules[name]


def _loaded() -> bool:
    return type(sys.modules["slimmed"]) is ModuleType


def test_loads_when_something_is_asked_for(lazy: Path) -> None:
    module = importlib.import_module("slimmed")
    assert isinstance(module, LazyModule)
    assert (module.__name__, module.__file__) == ("slimmed", str(lazy / "__init__.py"))
    assert not _loaded()
    assert module.value == 7
    assert _loaded()
    assert module is sys.modules["slimmed"]
    # What the package imports while it loads finds it as half a module, as always.
    assert module.part.half


def test_its_modules_can_be_imported_without_it(lazy: Path) -> None:
    assert importlib.import_module("slimmed.log").lines == []
    assert not _loaded()


@pytest.mark.parametrize(
    "source",
    [
        "from slimmed import value",
        "from slimmed import answer as value",
        "from slimmed import *",
        "from slimmed.log import lines; import slimmed; value = slimmed.value",
        "import slimmed; value = dir(slimmed)",
        "import slimmed; slimmed.value = 5; value = slimmed.value",
    ],
)
def test_every_way_to_import_finds_what_is_there(lazy: Path, source: str) -> None:
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102
    assert names["value"]


def test_what_is_not_there_is_missing(lazy: Path) -> None:
    module = importlib.import_module("slimmed")
    with pytest.raises(AttributeError, match="nothing"):
        module.nothing  # noqa: B018
    with pytest.raises(ImportError, match="nothing"):
        exec("from slimmed import nothing")  # noqa: S102


def test_one_that_fails_fails_again_when_asked_again(lazy: Path) -> None:
    (lazy / "__init__.py").write_text("raise RuntimeError('no')")
    module = importlib.import_module("slimmed")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            module.value  # noqa: B018


def test_threads_find_a_whole_module_loaded_once(lazy: Path) -> None:
    source = (lazy / "__init__.py").read_text()
    (lazy / "__init__.py").write_text(f"import time\ntime.sleep(0.1)\n{source}")
    module = importlib.import_module("slimmed")
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(module.value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [7] * 8
    assert module.lines == ["whole"]
