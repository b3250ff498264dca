"""The JSONPath of printer columns: fields, indexes, filters, wildcards."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP = re.compile(
    r"""\.(?P<field>(?:[^.\[\]\\]|\\.)+)
      | \[\?\(@\.(?P<key>[^=!<>]+?)\s*(?P<operator>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[^)]+?)\s*\)\]
      | \['(?P<quoted>[^']*)'\]
      | \[(?P<index>-?\d+)\]
      | \[(?P<all>\*)\]
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=1024)
def compiled(path: str) -> tuple[Callable[[Any], list[Any]], ...]:
    """The steps of a path; ValueError when it cannot be read."""
    text = path.strip().removeprefix("{").removesuffix("}")
    if not text.startswith((".", "[")):
        text = "." + text
    steps: list[Callable[[Any], list[Any]]] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if not found:
            raise ValueError(f"unrecognised JSONPath at {text[position:]!r}")
        steps.append(_step(found))
        position = found.end()
    return tuple(steps)


def _step(found: re.Match[str]) -> Callable[[Any], list[Any]]:
    if found["key"] is not None:
        keys = found["key"].split(".")
        wanted = found["value"].strip("\"'")
        same = found["operator"] == "=="
        return lambda v: [i for i in v if (_text(i, keys) == wanted) == same] if isinstance(v, list) else []
    if found["all"] is not None or found["field"] == "*":
        return lambda v: list(v.values()) if isinstance(v, dict) else list(v) if isinstance(v, list) else []
    if found["index"] is not None:
        index = int(found["index"])
        return lambda v: [v[index]] if isinstance(v, list) and -len(v) <= index < len(v) else []
    name = found["quoted"] if found["quoted"] is not None else found["field"].replace("\\.", ".")
    return lambda v: [v[name]] if isinstance(v, dict) and name in v else []


def _text(item: Any, keys: list[str]) -> str | None:
    for key in keys:
        if not isinstance(item, dict) or key not in item:
            return None
        item = item[key]
    return str(item).lower() if isinstance(item, bool) else str(item)


def find(obj: Any, path: str) -> list[Any]:
    """Everything that a path leads to."""
    values = [obj]
    for step in compiled(path):
        values = [result for value in values for result in step(value)]
    return values
