"""Links of the READMEs and of everything else in Markdown outside docs/ lead to files that are there."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
LINK = re.compile(r"\]\((?!https?://|#)([^)\s#]+)(?:#[^)\s]*)?\)")
ROOMS = ("api", "crds", "helm", "images", "local", "manifests", "operator", "tests")
PAGES = [*REPOSITORY.glob("*.md"), *(page for room in ROOMS for page in (REPOSITORY / room).rglob("*.md"))]


@pytest.mark.parametrize("page", [str(page.relative_to(REPOSITORY)) for page in PAGES])
def test_every_link_leads_somewhere(page: str) -> None:
    path = REPOSITORY / page
    assert [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()] == []
