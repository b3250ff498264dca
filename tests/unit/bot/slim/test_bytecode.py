"""Optimised bytecode is taken where it is there and made of the source as it is; otherwise nothing is said."""

import importlib
import os
import py_compile
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_bot.slim import bytecode
from btcwatcher_bot.slim.bytecode import optimised

_SOURCE = '"""Doc."""\ndef answer():\n    "Says it."\n    assert False\n    return 42\n'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "slimmed.py"
    path.write_text(_SOURCE)
    return path


def _compile(source: Path, mode: py_compile.PycInvalidationMode = py_compile.PycInvalidationMode.TIMESTAMP) -> Path:
    written = py_compile.compile(str(source), optimize=2, doraise=True, invalidation_mode=mode)
    assert written is not None
    return Path(written)


def _run(path: Path) -> dict[str, Any]:
    code = optimised(str(path))
    assert code is not None
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102
    return names


@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode))
def test_taken_where_it_is(source: Path, mode: py_compile.PycInvalidationMode) -> None:
    _compile(source, mode)
    names = _run(source)
    assert names["answer"]() == 42, "without its assert"
    assert names["answer"].__doc__ is None


@pytest.mark.parametrize(
    "mode", [py_compile.PycInvalidationMode.TIMESTAMP, py_compile.PycInvalidationMode.CHECKED_HASH]
)
def test_not_taken_where_the_source_is_another(source: Path, mode: py_compile.PycInvalidationMode) -> None:
    _compile(source, mode)
    source.write_text(_SOURCE.replace("42", "4242"))
    assert optimised(str(source)) is None


def test_not_taken_where_the_source_is_newer(source: Path) -> None:
    _compile(source)
    os.utime(source, (1, 1))
    assert optimised(str(source)) is None


def test_not_taken_where_it_is_missing_or_damaged_or_of_another_python(source: Path) -> None:
    assert optimised(str(source)) is None
    cached = _compile(source)
    whole = cached.read_bytes()
    for damaged in (b"", whole[:10], whole[:40], b"\0\0\0\0" + whole[4:]):
        cached.write_bytes(damaged)
        assert optimised(str(source)) is None


@pytest.fixture
def installed(source: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(source.parent))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    bytecode.install()
    yield source
    sys.modules.pop("slimmed", None)


@pytest.mark.parametrize(("named", "documented"), [(True, None), (False, "Says it.")])
def test_only_what_is_named_is_loaded_so(
    installed: Path, monkeypatch: pytest.MonkeyPatch, named: bool, documented: str | None
) -> None:
    _compile(installed)
    monkeypatch.setattr(bytecode, "LIBRARIES", frozenset(["slimmed"] if named else []))
    assert importlib.import_module("slimmed").answer.__doc__ == documented


def test_loaded_as_usual_where_there_is_none(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "LIBRARIES", frozenset(["slimmed"]))
    assert importlib.import_module("slimmed").answer.__doc__ == "Says it."
