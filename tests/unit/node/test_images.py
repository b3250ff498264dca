"""The image table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from btcwatcher_local.node.images import ImageError, ImageTable, repository

if TYPE_CHECKING:
    from pathlib import Path

TABLE = {
    "btcwatcher/freqtrade": {"command": ["bot"], "env": {"A": 1}, "workingDir": "/bot"},
    "freqtrade": {"command": ["x"]},
}


@pytest.mark.parametrize(
    ("image", "bare"),
    [
        ("busybox", "busybox"),
        ("busybox:1.36", "busybox"),
        ("localhost:5000/a/b:tag@sha256:00", "localhost:5000/a/b"),
        ("localhost:5000/a/b", "localhost:5000/a/b"),
    ],
)
def test_registry_port_is_no_tag(image: str, bare: str) -> None:
    assert repository(image) == bare


@pytest.mark.parametrize(
    "image", ["btcwatcher/freqtrade", "docker.io/btcwatcher/freqtrade:2026.9", "r:5000/x/btcwatcher/freqtrade@sha256:0"]
)
def test_registry_and_tag_do_not_count(image: str) -> None:
    found = ImageTable(TABLE).find(image)
    assert found.command == ["bot"]
    assert found.env == {"A": "1"}
    assert found.image_id == "local://btcwatcher/freqtrade"


def test_whole_path_elements_only_and_the_longest_key() -> None:
    assert ImageTable(TABLE).find("other/freqtrade:1").command == ["x"]
    with pytest.raises(ImageError, match="no local command is known"):
        ImageTable(TABLE).find("myfreqtrade")


def test_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    table = ImageTable(path)
    with pytest.raises(ImageError, match="cannot be read"):
        table.find("a")
    path.write_text(json.dumps({"a": {"command": ["true"]}}))
    assert table.find("a").command == ["true"]
    with pytest.raises(ImageError, match=str(path)):
        table.find("b")
