"""The documentation's site is built strictly: a broken link or a page outside the navigation fails it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
MKDOCS = REPOSITORY / ".tools/docs/bin/mkdocs"
ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|link(?=[^>]*stylesheet))[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>"""
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not MKDOCS.exists(), reason="MkDocs is not installed: make .tools/docs/.installed"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [MKDOCS, "build", "--strict", "--quiet", "--site-dir", directory],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    return directory


def test_it_is_built_without_a_warning_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = {path.relative_to(site): path.read_text() for path in site.rglob("*.html")}
    assert len(pages) > 30
    assert {str(page): found for page, text in pages.items() if (found := ELSEWHERE.findall(text))} == {}


def test_the_apis_description_and_what_shows_it_are_part_of_it(site: Path) -> None:
    assert (site / "openapi.json").read_bytes() == (REPOSITORY / "docs/openapi.json").read_bytes()
    (frame,) = (site / "reference/api").glob("swagger-*.html")
    assert '"../../openapi.json"' in frame.read_text()
    assert [name for name in ("requirements.lock", "outside_links.py") if (site / name).exists()] == []
