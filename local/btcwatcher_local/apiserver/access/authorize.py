"""Whether a user may: the policy of the roles and bindings in the store, built again only when one of them changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .attributes import forbidden
from .rbac import GROUP, Policy

if TYPE_CHECKING:
    from ..storage import Store
    from .attributes import Attributes
    from .user import User

_KINDS = ("clusterroles", "roles", "clusterrolebindings", "rolebindings")


class Authorizer:
    def __init__(self, store: Store) -> None:
        self._collections = [store.collection(GROUP, kind) for kind in _KINDS]
        self._seen: list[int] = []
        self._policy = Policy((), (), (), ())

    @property
    def policy(self) -> Policy:
        now = [collection.changes for collection in self._collections]
        if now != self._seen:
            self._policy = Policy(*((held.obj for held in c.select(None)) for c in self._collections))
            self._seen = now
        return self._policy

    def require(self, user: User, wanted: Attributes) -> None:
        """Raises 403 when the user may not."""
        decision = self.policy.decide(user, wanted)
        if not decision.allowed:
            raise forbidden(user.name, wanted, decision.reason)
