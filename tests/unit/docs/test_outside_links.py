"""Links from docs/ to the rest of the repository become plain paths of the site, and lead somewhere."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("outside_links", DOCS / "outside_links.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "markdown", "shown"),
    [
        ("capacity.md", "see [manifests/monitoring](../manifests/monitoring/)", "see `manifests/monitoring`"),
        ("runbooks/a.md", "[the rules](../../crds/#x), [b](c.md)", "the rules (`crds`), [b](c.md)"),
        ("runbooks/a.md", "[conditions](../conditions.md#events)", "[conditions](../conditions.md#events)"),
    ],
)
def test_what_a_link_becomes(hook: ModuleType, page: str, markdown: str, shown: str) -> None:
    assert hook.plain_paths(markdown, page) == (shown, [])


def test_a_link_that_leads_nowhere_is_told(hook: ModuleType) -> None:
    assert hook.plain_paths("[x](../nowhere.md)", "capacity.md")[1] == ["nowhere.md"]


def test_every_link_out_of_the_docs_leads_somewhere(hook: ModuleType) -> None:
    pages = {str(path.relative_to(DOCS)): path.read_text() for path in DOCS.rglob("*.md")}
    assert [missing for page, text in pages.items() if (missing := hook.plain_paths(text, page)[1])] == []
