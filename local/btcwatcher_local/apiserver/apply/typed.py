"""Operations on values that follow their type: which fields a value has, merging, comparing, removing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..objects import encode
from ..schema.node import ANY
from . import fieldset
from .fieldset import FieldSet, children, is_member, make

if TYPE_CHECKING:
    from ..schema.node import Node

_MISSING = object()


class TypeProblemError(ValueError):
    """A value that does not fit its type; says where."""


def granular(value: Any, node: Node) -> bool:
    """Whether the parts of a value are owned and merged one by one."""
    if isinstance(value, dict):
        return not node.atomic_map
    if isinstance(value, list):
        return node.list_type in ("map", "set")
    return False


def item_key(item: Any, node: Node, path: str = "") -> str:
    """The path element of a list item: by its keys, or by its value in a set."""
    if node.list_type == "set":
        return "v:" + encode(item).decode()
    if not isinstance(item, dict):
        raise TypeProblemError(f"{path}: list with listType map has an item that is no object")
    keys = {}
    for name in sorted(node.map_keys):
        value = item.get(name)
        if value is None:
            declared = node.items.field(name)
            value = declared.raw.get("default") if declared else None
        if value is not None:
            keys[name] = value
    if not keys:
        raise TypeProblemError(f"{path}: associative list with keys has an element that omits all key fields")
    return "k:" + encode(keys).decode()


def _items_by_key(items: list[Any], node: Node, path: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for item in items:
        key = item_key(item, node, path)
        if key in out:
            raise TypeProblemError(f"{path}: duplicate entries for key {fieldset.printed(key)}")
        out[key] = item
    return out


def field_set(value: Any, node: Node, path: str = "") -> FieldSet:
    """All fields of an object as a root set. Raises TypeProblemError."""
    return _fields(value, node, path) or {}


def _fields(value: Any, node: Node, path: str) -> FieldSet | None:
    if isinstance(value, dict) and node.atomic_map:
        for name in value:
            if node.field(name) is None:
                raise TypeProblemError(f"{path}.{name}: field not declared in schema")
    if not granular(value, node):
        return {}
    below: FieldSet = {}
    if isinstance(value, dict):
        if not value:
            return {}
        for name, child in value.items():
            child_node = node.field(name)
            if child_node is None:
                raise TypeProblemError(f"{path}.{name}: field not declared in schema")
            sub = _fields(child, child_node, f"{path}.{name}")
            if not node.is_struct_field(name):
                sub = make(True, dict(children(sub or {})))
            if sub is not None:
                below["f:" + name] = sub
        return below or None
    for key, item in _items_by_key(value, node, path).items():
        sub = _fields(item, node.items, f"{path}[{key[2:]}]") if isinstance(item, dict) else {}
        below[key] = make(True, dict(children(sub or {}))) or {}
    return below or None


def merge(live: Any, config: Any, node: Node) -> Any:
    """The live value with everything of the applied one in it. New containers where something differs."""
    if type(live) is not type(config) or not granular(config, node):
        return config
    if isinstance(config, dict):
        out = dict(live)
        for name, child in config.items():
            out[name] = merge(live[name], child, node.field(name) or ANY) if name in live else child
        return out
    return _merge_list(live, config, node)


def _merge_list(live: list[Any], config: list[Any], node: Node) -> list[Any]:
    """Applied items in their order; items that only the live list has keep their place before what followed them."""
    wanted = _items_by_key(config, node, "")
    present = _items_by_key(live, node, "")
    order = list(present)
    cursor = 0
    taken: set[str] = set()
    out: list[Any] = []

    def live_only() -> None:
        nonlocal cursor
        while cursor < len(order) and (order[cursor] not in wanted or order[cursor] in taken):
            if order[cursor] not in wanted:
                out.append(present[order[cursor]])
            cursor += 1

    for key, item in wanted.items():
        live_only()
        out.append(merge(present[key], item, node.items) if key in present else item)
        taken.add(key)
    live_only()
    return out


@dataclass(slots=True)
class Comparison:
    """Fields by what became of them between two values."""

    added: FieldSet = field(default_factory=dict)
    modified: FieldSet = field(default_factory=dict)
    removed: FieldSet = field(default_factory=dict)

    @property
    def same(self) -> bool:
        return not (self.added or self.modified or self.removed)

    @property
    def changed(self) -> FieldSet:
        return fieldset.union(self.added, self.modified)


def compare(old: Any, new: Any, node: Node) -> Comparison:
    """What a writer changed. Lists that are not valid for their type count as one value."""
    parts = _compare(old, new, node)
    return Comparison(*(part or {} for part in parts))


_Parts = tuple[FieldSet | None, FieldSet | None, FieldSet | None]
_SAME: _Parts = (None, None, None)


def _leaf(old: Any, new: Any) -> _Parts:
    if old is _MISSING:
        return ({}, None, None)
    if new is _MISSING:
        return (None, None, {})
    return _SAME if old == new else (None, {}, None)


def _compare(old: Any, new: Any, node: Node) -> _Parts:
    if old is new or (old is not _MISSING and new is not _MISSING and old == new):
        return _SAME
    shown = new if new is not _MISSING else old
    if not granular(shown, node) or not _alike(old, new):
        return _leaf(old, new)
    if not old and not new:
        return _leaf(old, new)
    try:
        steps = list(_steps(old, new, node))
    except TypeProblemError:
        return _leaf(old, new)
    sets: list[FieldSet] = [{}, {}, {}]
    for key, left, right, child_node in steps:
        for index, part in enumerate(_compare(left, right, child_node)):
            if part is not None:
                sets[index][key] = part
    added = make(old is _MISSING, sets[0])
    removed = make(new is _MISSING, sets[2])
    return (added, sets[1] or None, removed)


def _alike(old: Any, new: Any) -> bool:
    return old is _MISSING or new is _MISSING or type(old) is type(new)


def _steps(old: Any, new: Any, node: Node) -> list[tuple[str, Any, Any, Node]]:
    shown = new if new is not _MISSING else old
    if isinstance(shown, dict):
        left: dict[str, Any] = old if isinstance(old, dict) else {}
        right: dict[str, Any] = new if isinstance(new, dict) else {}
        return [
            ("f:" + k, left.get(k, _MISSING), right.get(k, _MISSING), node.field(k) or ANY)
            for k in dict.fromkeys([*left, *right])
        ]
    before = _items_by_key(old, node, "") if isinstance(old, list) else {}
    after = _items_by_key(new, node, "") if isinstance(new, list) else {}
    return [(k, before.get(k, _MISSING), after.get(k, _MISSING), node.items) for k in dict.fromkeys([*before, *after])]


def remove_unowned(value: Any, node: Node, last: FieldSet, owned: FieldSet | None) -> Any:
    """A value without the fields that its applier had last time and that nobody owns now."""
    if isinstance(value, dict):
        out = dict(value)
        for key, sub in children(last):
            name = key[2:]
            if key.startswith("f:") and name in out:
                candidate = is_member(sub) or node.is_struct_field(name)
                _drop_or_descend(out, name, key, sub, owned, candidate, node.field(name) or ANY)
        return out
    if isinstance(value, list) and node.list_type in ("map", "set"):
        return _remove_items(value, node, last, owned)
    return value


def _drop_or_descend(
    out: dict[str, Any], name: str, key: str, last: FieldSet, owned: FieldSet | None, candidate: bool, node: Node
) -> None:
    still = owned.get(key) if owned is not None else None
    if candidate and still is None:
        del out[name]
    else:
        out[name] = remove_unowned(out[name], node, last, still)


def _remove_items(value: list[Any], node: Node, last: FieldSet, owned: FieldSet | None) -> list[Any]:
    out = []
    for item in value:
        key = item_key(item, node)
        sub = last.get(key)
        still = owned.get(key) if owned is not None else None
        if sub is None:
            out.append(item)
        elif still is not None or not is_member(sub):
            out.append(remove_unowned(item, node.items, sub, still))
    return out
