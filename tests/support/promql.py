"""What a PromQL expression names, found by its tokens: enough to hold dashboards to what is really served."""

import re
from dataclasses import dataclass

_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w$])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?\s*(\[[^\]]*\])?(?!\s*\(|[\w:(])")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Selector:
    """One use of a metric."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]
    """(label, operator, value)."""
    window: str
    """What stands in its brackets, if any."""
    function: str
    """What it is given to directly, if anything."""


def selectors(expression: str) -> list[Selector]:
    """Every use of a metric."""
    bare = _GROUPING.sub(" ", expression)
    found = []
    for match in _SELECTOR.finditer(bare):
        name, matchers, window = match.groups()
        if name in _WORDS or (matchers is None and _inside_braces_or_strings(bare, match.start())):
            continue
        before = re.search(r"(\w+)\s*\(\s*$", bare[: match.start()])
        found.append(
            Selector(name, tuple(_MATCHER.findall(matchers or "")), (window or "")[1:-1], before[1] if before else "")
        )
    return found


def grouped(expression: str) -> set[str]:
    """Every label that something is grouped or joined by."""
    return {label.strip() for part in _GROUPING.findall(expression) for label in part.split(",") if label.strip()}


def _inside_braces_or_strings(text: str, place: int) -> bool:
    head = text[:place]
    return head.count("{") > head.count("}") or head.count("[") > head.count("]") or head.count('"') % 2 == 1
