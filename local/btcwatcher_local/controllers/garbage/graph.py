"""The graph of owners and dependents, and what it says must be done. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from btcwatcher_local.client import resources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from btcwatcher_local.client.resources import Obj, Resource

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(slots=True)
class Node:
    """An object as the collector sees it: its metadata."""

    resource: Resource
    obj: Obj

    @property
    def uid(self) -> str:
        return resources.uid(self.obj)

    @property
    def owners(self) -> list[Obj]:
        return list(resources.meta(self.obj).get("ownerReferences") or [])

    @property
    def finalizers(self) -> list[str]:
        return list(resources.meta(self.obj).get("finalizers") or [])

    @property
    def foreground(self) -> bool:
        """Deleted, and waiting for its dependents."""
        return resources.deleting(self.obj) and FOREGROUND in self.finalizers

    @property
    def orphaning(self) -> bool:
        """Deleted, and its dependents are to be kept."""
        return resources.deleting(self.obj) and ORPHAN in self.finalizers


@dataclass(slots=True)
class Verdict:
    """What an object's owners mean for it."""

    delete: bool = False
    propagation: str = ""
    drop: set[str] = field(default_factory=set)
    """uids of owners whose references are to be taken away, for others keep the object."""


class Graph:
    """All objects by uid, and who names whom as owner."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._nodes

    def get(self, uid: str) -> Node | None:
        return self._nodes.get(uid)

    def put(self, node: Node) -> None:
        old = self._nodes.get(node.uid)
        before = {ref["uid"] for ref in old.owners} if old else set()
        after = {ref["uid"] for ref in node.owners}
        for owner in before - after:
            self._unlink(owner, node.uid)
        for owner in after:
            self._dependents.setdefault(owner, set()).add(node.uid)
        self._nodes[node.uid] = node

    def remove(self, uid: str) -> None:
        node = self._nodes.pop(uid, None)
        if node is not None:
            for ref in node.owners:
                self._unlink(ref["uid"], uid)

    def dependents(self, uid: str) -> list[Node]:
        return [self._nodes[item] for item in self._dependents.get(uid, ()) if item in self._nodes]

    def of_resource(self, resource: Resource) -> list[Node]:
        return [node for node in self._nodes.values() if node.resource == resource]

    def _unlink(self, owner: str, dependent: str) -> None:
        held = self._dependents.get(owner)
        if held is not None:
            held.discard(dependent)
            if not held:
                del self._dependents[owner]


def blocking(dependents: Iterable[Node], owner_uid: str) -> list[Node]:
    """Dependents whose reference asks the owner to wait for them."""
    return [
        node
        for node in dependents
        if any(ref["uid"] == owner_uid and ref.get("blockOwnerDeletion") for ref in node.owners)
    ]


def judge(node: Node, absent: set[str], waiting: set[str], *, has_dependents: bool) -> Verdict:
    """Decide about an object of which some owners are `absent` and some `waiting` (deleted in the foreground).

    With any other owner left it stays and only the references go. Else it is deleted; in the foreground, when an
    owner waits and it has dependents itself, so that the whole tree below goes first.
    """
    owners = {ref["uid"] for ref in node.owners}
    if not owners or resources.deleting(node.obj):
        return Verdict()
    gone = owners & (absent | waiting)
    if not gone:
        return Verdict()
    if owners - gone:
        return Verdict(drop=gone)
    if ORPHAN in node.finalizers:
        propagation = "Orphan"
    elif FOREGROUND in node.finalizers or (owners & waiting and has_dependents):
        propagation = "Foreground"
    else:
        propagation = "Background"
    return Verdict(delete=True, propagation=propagation)
