"""Sets of fields in their fieldsV1 form, a trie of nested dicts.

A key is `f:<field>`, `k:<keys of a list item as JSON>` or `v:<value as JSON>`. A node `{}` is a member of the set;
a node with children is one only when it holds `.`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

FieldSet = dict[str, Any]

SELF = "."


def is_member(node: FieldSet) -> bool:
    return not node or SELF in node


def children(node: FieldSet) -> Iterator[tuple[str, FieldSet]]:
    return ((key, sub) for key, sub in node.items() if key != SELF)


def make(member: bool, below: FieldSet) -> FieldSet | None:
    """A node from its parts; None when there is nothing in it."""
    if not below:
        return {} if member else None
    return {SELF: {}, **below} if member else below


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Both sets together; for roots, whose `{}` means empty."""
    if not left:
        return right
    if not right:
        return left
    return _union_below(left, right)


def _union_below(left: FieldSet, right: FieldSet) -> FieldSet:
    out = dict(left)
    for key, sub in right.items():
        mine = out.get(key)
        out[key] = sub if mine is None else _union(mine, sub)
    return out


def _union(left: FieldSet, right: FieldSet) -> FieldSet:
    member = is_member(left) or is_member(right)
    below = _union_below(dict(children(left)), dict(children(right)))
    return make(member, below) or {}


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in the left root set and not in the right one."""
    out: FieldSet = {}
    for key, sub in children(left):
        other = right.get(key)
        rest = sub if other is None else _difference(sub, other)
        if rest is not None:
            out[key] = rest
    return out


def _difference(left: FieldSet, right: FieldSet) -> FieldSet | None:
    member = is_member(left) and not is_member(right)
    return make(member, difference(left, dict(children(right))))


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in both root sets."""
    out: FieldSet = {}
    for key, sub in children(left):
        other = right.get(key)
        if other is not None:
            both = make(is_member(sub) and is_member(other), intersection(sub, other))
            if both is not None:
                out[key] = both
    return out


def without_branches(fields: FieldSet, branches: FieldSet) -> FieldSet:
    """A set without some members of another and everything below those."""
    out: FieldSet = {}
    for key, sub in children(fields):
        cut = branches.get(key)
        if cut is None:
            out[key] = sub
        elif not is_member(cut):
            rest = make(is_member(sub), without_branches(sub, cut))
            if rest is not None:
                out[key] = rest
    return out


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """Members as they are printed: .spec.ports[port=80,protocol="TCP"].name"""
    for key, sub in children(fields):
        path = prefix + printed(key)
        if is_member(sub):
            yield path
        yield from paths(sub, path)


def printed(key: str) -> str:
    """One path element as messages show it."""
    kind, _, rest = key.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        listed = ",".join(f"{k}={encode(v).decode()}" for k, v in decode(rest).items())
        return f"[{listed}]"
    return f"[={rest}]" if kind == "v" else f"[{rest}]"
