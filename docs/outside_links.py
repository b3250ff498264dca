"""A hook of MkDocs: links from docs/ to the repository's other files, which are not in the site, become plain paths.

They are real links where the repository is read. One that leads nowhere is a warning: the strict build fails.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any, Final

_DOCS: Final = Path(__file__).parent
_REPOSITORY: Final = _DOCS.parent
_LINK: Final = re.compile(r"\[([^\]\n]+)\]\(((?:\.\./)+[^)\s#]+)(#[^)\s]*)?\)")
_log = logging.getLogger("mkdocs.hooks.outside_links")


def plain_paths(markdown: str, page: str) -> tuple[str, list[str]]:
    """The text of `page` (a path below docs/) with such links as `text` (`path`), and the paths where nothing is."""
    missing: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        text, target = match[1], match[2]
        path = posixpath.normpath(posixpath.join(_DOCS.name, posixpath.dirname(page), target))
        if path.startswith(f"{_DOCS.name}/"):
            return match[0]
        if not (_REPOSITORY / path).exists():
            missing.append(path)
        return f"`{path}`" if text.strip("`/") == path.strip("/") else f"{text} (`{path}`)"

    return _LINK.sub(replaced, markdown), missing


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs with each page's text."""
    text, missing = plain_paths(markdown, page.file.src_uri)
    for path in missing:
        _log.warning("%s links to %s, which is not in the repository", page.file.src_uri, path)
    return text
