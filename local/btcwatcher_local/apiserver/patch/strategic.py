"""Strategic merge patch: lists merge by the key that the type names, with kubectl's directives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import errors
from ..objects import copy_of
from ..schema.node import ANY

if TYPE_CHECKING:
    from ..objects import JsonObject
    from ..schema.node import Node

_PATCH = "$patch"
_DELETE_PRIMITIVE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_RETAIN_KEYS = "$retainKeys"


def apply(document: JsonObject, patch: Any, node: Node) -> JsonObject:
    """The document with the patch merged in, by the rules of its type. Changed in place."""
    if not isinstance(patch, dict):
        raise errors.bad_request("error decoding patch: a strategic merge patch is an object")
    return _merge_map(document, patch, node)


def _merge_map(document: JsonObject, patch: JsonObject, node: Node) -> JsonObject:
    directive = patch.get(_PATCH)
    if directive == "replace":
        return {k: copy_of(v) for k, v in patch.items() if k != _PATCH}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise errors.bad_request(f"unknown $patch directive: {directive}")
    retain = patch.get(_RETAIN_KEYS)
    if isinstance(retain, list):
        for key in [k for k in document if k not in retain]:
            del document[key]
    for key, value in patch.items():
        if key in (_PATCH, _RETAIN_KEYS) or key.startswith(_ORDER):
            continue
        if key.startswith(_DELETE_PRIMITIVE):
            field = key.removeprefix(_DELETE_PRIMITIVE)
            if isinstance(document.get(field), list):
                document[field] = [item for item in document[field] if item not in value]
            continue
        child = node.field(key) or ANY
        if value is None:
            document.pop(key, None)
        elif isinstance(value, dict):
            old = document.get(key)
            base = old if isinstance(old, dict) and "replace" not in child.patch_strategies else {}
            merged = _merge_map(base, value, child)
            if value.get(_PATCH) == "delete":
                document.pop(key, None)
            else:
                document[key] = merged
        elif isinstance(value, list):
            order = patch.get(_ORDER + key)
            document[key] = _merge_list(document.get(key), value, child, order)
        else:
            document[key] = value
    for key, order in patch.items():
        field = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and field not in patch and isinstance(document.get(field), list):
            child = node.field(field) or ANY
            document[field] = _ordered(document[field], order, child.patch_merge_key)
    return document


def _merge_list(old: Any, patch: list[Any], node: Node, order: Any) -> list[Any]:
    current: list[Any] = old if isinstance(old, list) else []
    if "merge" not in node.patch_strategies:
        return [copy_of(item) for item in patch]
    if any(isinstance(item, dict) and item.get(_PATCH) == "replace" for item in patch):
        return [copy_of(item) for item in patch if not (isinstance(item, dict) and _PATCH in item)]
    key = node.patch_merge_key
    if key is None:
        merged = current + [item for item in patch if item not in current]
    else:
        merged = _merge_items(current, patch, key, node)
    return _ordered(merged, order, key) if isinstance(order, list) else merged


def _merge_items(current: list[Any], patch: list[Any], key: str, node: Node) -> list[Any]:
    merged = list(current)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise errors.bad_request(f"map: {item} does not contain declared merge key: {key}")
        at = next((i for i, x in enumerate(merged) if isinstance(x, dict) and x.get(key) == item[key]), None)
        if item.get(_PATCH) == "delete":
            merged = [x for x in merged if not (isinstance(x, dict) and x.get(key) == item[key])]
        elif at is None:
            merged.append(_merge_map({}, item, node.items))
        else:
            merged[at] = _merge_map(merged[at], item, node.items)
    return merged


def _ordered(items: list[Any], order: Any, key: str | None) -> list[Any]:
    """Items named by $setElementOrder in its order; the others keep their place relative to what precedes them."""
    if not isinstance(order, list):
        return items
    wanted = [entry.get(key) if key and isinstance(entry, dict) else entry for entry in order]

    def rank(item: Any) -> int | None:
        name = item.get(key) if key and isinstance(item, dict) else item
        return wanted.index(name) if name in wanted else None

    last = -1
    ranked: list[tuple[int, int, Any]] = []
    for position, item in enumerate(items):
        own = rank(item)
        if own is not None:
            last = own
        ranked.append((last if own is None else own, position if own is None else -1, item))
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]
