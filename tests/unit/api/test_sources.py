"""An uploaded strategy file is looked at without being run."""

import pytest

from btcwatcher_api.strategies.sources import SourceError, source_file
from btcwatcher_crds.strategy import SOURCE_MAX_BYTES

GOOD = b"""
from freqtrade import strategy as st
from freqtrade.strategy import IStrategy

raise SystemExit("this file must not be run")


class Helper:
    pass


class Base(IStrategy):
    pass


class EmaCross(Base):
    pass


class Other(st.IStrategy):
    pass
"""


def test_strategy_classes_are_found_also_by_way_of_others() -> None:
    assert source_file("ema_cross.py", GOOD).classes == ("Base", "EmaCross", "Other")
    assert source_file("ema_cross.py", GOOD, "EmaCross").name == "ema_cross.py"


def test_line_ends_become_plain() -> None:
    assert "\r" not in source_file("a.py", GOOD.replace(b"\n", b"\r\n")).text


@pytest.mark.parametrize(
    "name", ["", "a.txt", "../a.py", "a b.py", "1a.py", "a.py\n", ".py", "a/b.py", "x" * 101 + ".py"]
)
def test_names_that_are_no_module(name: str) -> None:
    with pytest.raises(SourceError, match="Python module") as refused:
        source_file(name, GOOD)
    assert refused.value.field == "file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"class A(IStrategy:\n", "is not Python: line 1"),
        (b"x = 1\n", "derived from IStrategy"),
        (b"class A: pass\n", "derived from IStrategy"),
        (b"\xff\xfe", "UTF-8"),
        (b"x = '\0'\n", "not Python"),
        (b"x = " + b"(" * 50_000, "not Python"),
        (b"x = " + b"-" * 100_000 + b"1", "not Python"),
        (b"#" * (SOURCE_MAX_BYTES + 1), "at most"),
    ],
)
def test_what_freqtrade_could_not_load(content: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        source_file("a.py", content)


def test_a_class_that_is_not_there_is_named_with_those_that_are() -> None:
    said = r"no strategy class Helper in a[.]py; there is Base, EmaCross, Other"
    with pytest.raises(SourceError, match=said) as refused:
        source_file("a.py", GOOD, "Helper")
    assert refused.value.field == "class_name"
