"""JSON values as CEL sees them through their schema: doubles, bytes, escaped field names."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..schema.node import Node

_RESERVED = frozenset(
    (
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
        "let", "loop", "package", "namespace", "return", "var", "void", "while",
    )
)  # fmt: skip
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


def escaped(name: str) -> str:
    """A property name as a rule has to write it."""
    if name in _RESERVED:
        return f"__{name}__"
    for plain, replacement in _ESCAPES:
        name = name.replace(plain, replacement)
    return name


def to_cel(value: Any, node: Node) -> Any:
    """A value for evaluation; shares what needs no change."""
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for name, child in value.items():
            declared = node.properties.get(name)
            if declared is not None:
                out[escaped(name)] = to_cel(child, declared)
            else:
                out[name] = to_cel(child, node.additional) if node.additional is not None else child
        return out
    if isinstance(value, list):
        return [to_cel(item, node.items) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return float(value) if node.types == ("number",) else value
    return _text(value, node.raw.get("format", ""))


def _text(value: str, format_: str) -> Any:
    # The engine takes neither datetime nor timedelta, not even beside what a rule looks at: dates and durations stay
    # strings, and a rule that computes with them says timestamp(self.date) or duration(self.time).
    return base64.b64decode(value) if format_ == "byte" else value
