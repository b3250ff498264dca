"""freqtrade's API server finds no uvloop; anybody else does."""

import sys
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_bot.slim import plain_event_loop


@pytest.mark.parametrize(
    ("importer", "found"), [("freqtrade.rpc.api_server.uvicorn_threaded", False), ("strategy", True)]
)
def test_only_the_api_server_finds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, importer: str, found: bool
) -> None:
    (tmp_path / "uvloop.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "uvloop", raising=False)
    plain_event_loop.install()
    names: dict[str, Any] = {"__name__": importer}
    source = "try:\n    import uvloop\n    found = True\nexcept ImportError:\n    found = False"
    exec(source, names)  # noqa: S102
    assert names["found"] is found
    sys.modules.pop("uvloop", None)
