"""The chart's README.md: a text of its own, and a table of values.yaml. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence

from btcwatcher_chart.limits import Schema
from btcwatcher_chart.values import Value

_MARK = "<!-- values -->\n"
_LONGEST_DEFAULT = 60


def readme(text: str, values: Sequence[Value], limits: Mapping[str, Schema]) -> str:
    """The text with the table in place of its mark."""
    head, _, tail = text.partition(_MARK)
    rows = [row for top in values for row in _rows(top, limits)]
    table = "\n".join(["| value | default | |", "|---|---|---|", *rows])
    return f"<!-- Rendered by `make chart` from README.in.md and values.yaml: change those. -->\n{head}{table}\n{tail}"


def _rows(value: Value, limits: Mapping[str, Schema]) -> Iterator[str]:
    if value.children and value.key not in limits:
        if value.comment:
            yield f"| **`{value.key}`** | | {_cell(value.comment)} |"
        for child in value.children:
            yield from _rows(child, limits)
    else:
        yield f"| `{value.key}` | {_default(value.default)} | {_cell(value.comment)} |"


def _default(default: object) -> str:
    if default == "":
        return ""
    said = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
    return f"`{said}`" if len(said) <= _LONGEST_DEFAULT else "see values.yaml"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
