"""The one setting."""

import sys

import pytest

from btcwatcher_bot import slim


def test_on_unless_switched_off() -> None:
    assert slim.wanted({})
    assert slim.wanted({"BTCWATCHER_SLIM": ""})
    assert slim.wanted({"BTCWATCHER_SLIM": "true"})
    for word in ("false", "False", "0", "no", "off"):
        assert not slim.wanted({"BTCWATCHER_SLIM": word})


def test_off_means_that_nothing_is_put_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(sys.meta_path)
    slim.before_imports({"BTCWATCHER_SLIM": "false"})
    assert sys.meta_path == before
