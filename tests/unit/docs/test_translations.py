"""A page in Chinese has the commands of its English original, to the letter."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
CONSOLE = re.compile(r"^```console\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ ", flags=re.MULTILINE)


@pytest.mark.parametrize("page", sorted(path.name for path in (DOCS / "zh-CN").glob("*.md")))
def test_it_has_the_originals_commands_and_sections(page: str) -> None:
    original, translation = ((DOCS / folder / page).read_text() for folder in (".", "zh-CN"))
    assert CONSOLE.findall(translation) == CONSOLE.findall(original)
    assert HEADING.findall(translation) == HEADING.findall(original)
