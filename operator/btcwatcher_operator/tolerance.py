"""Differences that stayed after an apply, because a mutating webhook insists: fighting them would never end."""

from collections.abc import Iterable

from btcwatcher_operator.drift import applied_hash
from btcwatcher_operator.resources import Object
from btcwatcher_operator.store import ChildKey, Key, child_key


class Tolerance:
    def __init__(self) -> None:
        self._left: dict[tuple[Key, ChildKey], tuple[str, frozenset[str]]] = {}

    def forget(self, key: Key) -> None:
        for known in [entry for entry in self._left if entry[0] == key]:
            del self._left[known]

    def note(self, key: Key, child: Object, left: Iterable[str]) -> frozenset[str]:
        """Takes in what is different still although the child was just applied; returns it."""
        paths = frozenset(left)
        self._left[key, child_key(child)] = (applied_hash(child), paths)
        return paths

    def drifted(self, key: Key, child: Object, different: Iterable[str]) -> bool:
        """Whether anything is different that an apply could put right."""
        applied, left = self._left.get((key, child_key(child)), ("", frozenset()))
        if applied != applied_hash(child):
            left = frozenset()
        return any(path not in left for path in different)
