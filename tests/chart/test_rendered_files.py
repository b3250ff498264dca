"""What the chart has from elsewhere is as `make chart` writes it."""

from __future__ import annotations

from btcwatcher_chart.render import rendered, written
from support.chart import REPOSITORY


def test_rendered_files_are_up_to_date() -> None:
    files = rendered(REPOSITORY)
    stale = [str(path) for path, text in files.items() if _read(path) != text]
    assert not stale, "run `make chart`"


def test_nothing_is_left_of_a_source_that_is_gone() -> None:
    assert written(REPOSITORY) <= set(rendered(REPOSITORY))


def _read(path: object) -> str | None:
    file = REPOSITORY / str(path)
    return file.read_text() if file.exists() else None
