"""A package laid out like ccxt, without its exchanges until they are asked for."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_bot.slim import lazy_exchanges
from btcwatcher_bot.slim.lazy_exchanges import without_exchanges

_PACKAGE = """
from ccxt.base import Exchange
from ccxt.alpha import alpha                 # noqa: F401
from ccxt.alphaus import alphaus             # noqa: F401

exchanges = ['alpha', 'alphaus']
__all__ = ['Exchange'] + exchanges
"""


@pytest.fixture
def ccxt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    package = tmp_path / "ccxt"
    package.mkdir()
    (package / "__init__.py").write_text(_PACKAGE)
    (package / "base.py").write_text("class Exchange: pass")
    (package / "alpha.py").write_text("from ccxt.base import Exchange\nclass alpha(Exchange): pass")
    # As ccxt's own subclasses of exchanges do: the class of the other one, by its module.
    (package / "alphaus.py").write_text("from ccxt.alpha import alpha\nclass alphaus(alpha): pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    lazy_exchanges.install()
    yield importlib.import_module("ccxt")
    for name in [name for name in sys.modules if name.split(".")[0] == "ccxt"]:
        del sys.modules[name]


def _loaded() -> set[str]:
    return {name for name in sys.modules if name.startswith("ccxt.")}


def test_an_exchange_is_loaded_when_it_is_asked_for(ccxt: Any) -> None:
    assert ccxt.exchanges == ["alpha", "alphaus"]
    assert _loaded() == {"ccxt.base"}
    assert ccxt.alpha.__name__ == "alpha"
    assert issubclass(ccxt.alpha, ccxt.Exchange)
    assert _loaded() == {"ccxt.base", "ccxt.alpha"}


def test_its_name_means_the_class_however_its_module_came(ccxt: Any) -> None:
    assert ccxt.alphaus.__mro__[1] is ccxt.alpha
    importlib.import_module("ccxt.alpha")
    assert isinstance(ccxt.alpha, type)
    assert ccxt.alpha is sys.modules["ccxt.alpha"].alpha


@pytest.mark.parametrize("source", ["from ccxt import alpha", "from ccxt import *", "from ccxt.alpha import alpha"])
def test_every_way_to_import_gives_the_class(ccxt: Any, source: str) -> None:
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102
    assert names["alpha"] is ccxt.alpha


def test_what_ccxt_does_not_have_is_missing(ccxt: Any) -> None:
    assert not hasattr(ccxt, "omega")
    assert {"alpha", "alphaus", "Exchange"} <= set(dir(ccxt))


def test_only_imports_of_listed_exchanges_are_left_out() -> None:
    source = (
        "from ccxt.base import Exchange\nfrom ccxt.alpha import alpha\nfrom ccxt.tools import tools\n"
        "from ccxt.alpha import alpha as other\nexchanges = ['alpha']"
    )
    left = ast.unparse(without_exchanges(ast.parse(source), "ccxt"))
    assert "from ccxt.alpha import alpha\n" not in left
    assert left.count("import") == 3


def test_a_package_without_a_list_is_left_as_it_is() -> None:
    tree = ast.parse("from ccxt.alpha import alpha")
    assert ast.unparse(without_exchanges(tree, "ccxt")) == ast.unparse(tree)
