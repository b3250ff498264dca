"""values.yaml as a tree: each key with its default and the comment above it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

COMPONENTS = ("operator", "api", "worker", "collector", "market", "screen")
"""What is said of a key of one of them holds for the same key of the others."""

Path = tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """One key of values.yaml."""

    path: Path
    default: Any
    comment: str
    """What stands above it, or above the same key further up; empty: nothing."""
    children: tuple["Value", ...] = field(default=())

    @property
    def key(self) -> str:
        return ".".join(self.path)

    def walk(self) -> Iterator["Value"]:
        yield self
        for child in self.children:
            yield from child.walk()


def read(text: str) -> tuple[Value, ...]:
    """The keys at the top, in order."""
    lines = text.splitlines()
    said: dict[Path, str] = {}
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return tuple(_values(node, yaml.safe_load(text), (), lines, said))


def _values(node: Any, loaded: Any, above: Path, lines: list[str], said: dict[Path, str]) -> Iterator[Value]:
    for key_node, value_node in node.value:
        path = (*above, str(key_node.value))
        default = loaded[key_node.value]
        comment = _comment(lines, key_node.start_mark) or next(
            (said[name] for name in _names(path) if name in said), ""
        )
        if comment:
            for name in _names(path):
                said.setdefault(name, comment)
        is_map = isinstance(value_node, yaml.MappingNode)
        children = tuple(_values(value_node, default, path, lines, said)) if is_map else ()
        yield Value(path, default, comment, children)


def _names(path: Path) -> Iterator[Path]:
    """What makes two keys the same: their place in a component, or their own and their parent's names."""
    if path[0] in COMPONENTS and len(path) > 1:
        yield ("", *path[1:])
    if len(path) > 1:
        yield path[-2:]


def _comment(lines: list[str], mark: Any) -> str:
    """The lines of comment right above a key that begins its line."""
    indent = " " * mark.column
    if lines[mark.line][: mark.column].strip():
        return ""
    found: list[str] = []
    for line in reversed(lines[: mark.line]):
        if not line.startswith(f"{indent}#"):
            break
        found.insert(0, line.strip().removeprefix("#").strip())
    return " ".join(found)
