"""What the operator knows of the cluster: the objects its watches and its own writes showed it, by Strategy."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from btcwatcher_crds import names
from btcwatcher_operator.ownership import trim
from btcwatcher_operator.resources import POD, SHARED, STRATEGY, Object, Resource


class Key(NamedTuple):
    """A Strategy, or, without a name, a namespace: what all of its Strategies share."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return names.strategy_id(self.namespace, self.name) if self.name else self.namespace


def shared_key(namespace: str) -> Key:
    """Of what the namespace's Strategies share."""
    return Key(namespace, "")


_SHARED_KINDS = frozenset(resource.kind for resource in SHARED)


ChildKey = tuple[str, str]
"""Kind and name of a child within its Strategy's namespace."""


def owner_of(obj: Object) -> Key | None:
    """The Strategy an object belongs to: itself, its owner, or what its label says; or the namespace it serves.

    The owner goes before the label, so that a child whose label was edited is still known as ours. Pods belong to
    their StatefulSet and retained volume claims to nobody: they have the label only.
    """
    metadata = obj["metadata"]
    if obj["kind"] == STRATEGY.kind:
        return Key(metadata["namespace"], metadata["name"])
    if obj["kind"] in _SHARED_KINDS:
        return shared_key(metadata["namespace"]) if metadata["name"] == names.SHARED_NAME else None
    for owner in metadata.get("ownerReferences", []):
        if owner["kind"] == STRATEGY.kind and owner["apiVersion"].startswith(f"{names.GROUP}/"):
            return Key(metadata["namespace"], owner["name"])
    name = metadata.get("labels", {}).get(names.LABEL_STRATEGY)
    return Key(metadata["namespace"], name) if name else None


def version_of(obj: Object) -> int:
    """The resourceVersion as a number: Kubernetes promises since 1.35 what always held, that they can be compared."""
    return int(obj["metadata"].get("resourceVersion") or 0)


def age_of(strategy: Object) -> tuple[str, Key]:
    """Orders Strategies, the oldest first: times of Kubernetes are whole seconds in UTC, and sort as text."""
    metadata = strategy["metadata"]
    return metadata["creationTimestamp"], Key(metadata["namespace"], metadata["name"])


class _Packed(NamedTuple):
    """An object as JSON: a fifth of what it takes as Python values, and nobody can change it in place."""

    uid: str
    version: int
    json: bytes


REMOVED_REMEMBERED = 10_000
"""How many removed objects are known by uid: more than are deleted while one LIST is under way."""


class Store:
    """Objects by Strategy. An older version never replaces a newer one, in whatever order they come."""

    def __init__(self) -> None:
        # Version of the removal by uid. A LIST made before a deletion can arrive after its event: it must not bring the
        # object back. (What only lost its label comes back later with a newer version.)
        self._removed: dict[str, int] = {}
        self._strategies: dict[Key, _Packed] = {}
        self._children: dict[Key, dict[ChildKey, _Packed]] = {}
        # One pass asks for the same children several times.
        self._unpacked: tuple[Key, dict[ChildKey, Object]] | None = None

    def strategy(self, key: Key) -> Object | None:
        """A copy."""
        return _unpacked(self._strategies.get(key))

    def strategies(self) -> Iterator[Key]:
        return iter(list(self._strategies))

    def count(self) -> int:
        """How many Strategies there are."""
        return len(self._strategies)

    def has_strategy(self, key: Key) -> bool:
        return key in self._strategies

    def has_pods(self, namespace: str) -> bool:
        """Whether a bot's pod is left in the namespace."""
        return any(
            kind == POD.kind
            for key, children in self._children.items()
            if key.namespace == namespace
            for kind, _ in children
        )

    def versions(self, key: Key) -> dict[ChildKey, int]:
        """The versions of the children, without looking into them."""
        return {child: packed.version for child, packed in self._children.get(key, {}).items()}

    def owners(self) -> Iterator[Key]:
        """Strategies that are there, and those of which only children are left."""
        return (key for key in {*self._strategies, *self._children} if key.name)

    def child(self, key: Key, child: ChildKey) -> Object | None:
        """One of the Strategy's children; not to be changed."""
        if self._unpacked is not None and self._unpacked[0] == key:
            return self._unpacked[1].get(child)
        return _unpacked(self._children.get(key, {}).get(child))

    def children(self, key: Key) -> Mapping[ChildKey, Object]:
        """The Strategy's children and pods as they are now; not to be changed."""
        if self._unpacked is None or self._unpacked[0] != key:
            packed = self._children.get(key, {})
            self._unpacked = key, {child: msgspec.json.decode(one.json) for child, one in packed.items()}
        return self._unpacked[1]

    def put(self, obj: Object) -> bool:
        """Takes an object in; False when it is nothing new or belongs to no Strategy."""
        key = owner_of(obj)
        if key is None:
            return False
        known = self._known(key, obj)
        if known is not None and known.version >= version_of(obj):
            return False
        if self._removed.get(obj["metadata"]["uid"], -1) >= version_of(obj):
            return False
        trim(obj)
        packed = _Packed(obj["metadata"]["uid"], version_of(obj), msgspec.json.encode(obj))
        if obj["kind"] == STRATEGY.kind:
            self._strategies[key] = packed
        else:
            self._children.setdefault(key, {})[child_key(obj)] = packed
            self._repack(key)
        return True

    def remove(self, obj: Object) -> bool:
        """Drops an object that was deleted; one made again under its name stays."""
        self._removed[obj["metadata"]["uid"]] = version_of(obj)
        if len(self._removed) > REMOVED_REMEMBERED:
            del self._removed[next(iter(self._removed))]
        key = owner_of(obj)
        if key is None:
            return False
        known = self._known(key, obj)
        if known is None or known.uid != obj["metadata"]["uid"]:
            return False
        self._drop(key, None if obj["kind"] == STRATEGY.kind else child_key(obj))
        return True

    def replace(self, resource: Resource, items: list[Object], version: str, namespace: str | None = None) -> set[Key]:
        """Makes the store agree with a full LIST at `version`; the Strategies for which that changed something.

        With `namespace` the list was of that namespace only.

        A watch that broke may have lost deletions: what is older than the list and not in it is gone.
        """
        changed = {key for item in items if (key := owner_of(item)) and self.put(item)}
        listed = {item["metadata"]["uid"] for item in items}
        for key, child, known in list(self._of_kind(resource)):
            if namespace is not None and key.namespace != namespace:
                continue
            if known.uid not in listed and known.version <= int(version):
                self._drop(key, child)
                changed.add(key)
        return changed

    def _known(self, key: Key, obj: Object) -> _Packed | None:
        if obj["kind"] == STRATEGY.kind:
            return self._strategies.get(key)
        return self._children.get(key, {}).get(child_key(obj))

    def _drop(self, key: Key, child: ChildKey | None) -> None:
        """Forgets a child, or the Strategy itself."""
        if child is None:
            del self._strategies[key]
            return
        self._repack(key)
        children = self._children[key]
        del children[child]
        if not children:
            del self._children[key]

    def _repack(self, key: Key) -> None:
        """What was unpacked of the Strategy is no longer what is."""
        if self._unpacked is not None and self._unpacked[0] == key:
            self._unpacked = None

    def _of_kind(self, resource: Resource) -> Iterator[tuple[Key, ChildKey | None, _Packed]]:
        if resource == STRATEGY:
            for key, packed in self._strategies.items():
                yield key, None, packed
        for key, children in self._children.items():
            for child, packed in children.items():
                if child[0] == resource.kind:
                    yield key, child, packed


def _unpacked(packed: _Packed | None) -> Object | None:
    if packed is None:
        return None
    obj: Object = msgspec.json.decode(packed.json)
    return obj


def child_key(obj: Object) -> ChildKey:
    return obj["kind"], obj["metadata"]["name"]
