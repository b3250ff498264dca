"""docs/failure-modes.md promises nothing that no test shows."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_every_test_that_the_page_names_is_there() -> None:
    text = (REPOSITORY / "docs" / "failure-modes.md").read_text()
    tests = "\n".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_[a-z_0-9]+)`", text))
    assert len(named) > 20
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []
    files = set(re.findall(r"`(tests/[^`]+\.py)`", text))
    assert [file for file in sorted(files) if not (REPOSITORY / file).exists()] == []
