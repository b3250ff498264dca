"""Whether a user may: the policy of the roles and bindings in the store, built again only when one of them changed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from .attributes import forbidden
from .rbac import GROUP, Policy
from .user import account_of

if TYPE_CHECKING:
    from ..storage import Store
    from .attributes import Attributes
    from .user import User

log = logging.getLogger(__name__)

_TOLD = 1000
_KINDS = ("clusterroles", "roles", "clusterrolebindings", "rolebindings")


class Authorizer:
    def __init__(self, store: Store) -> None:
        self._collections = [store.collection(GROUP, kind) for kind in _KINDS]
        self._seen: list[int] = []
        self._policy = Policy((), (), (), ())
        self._told: set[tuple[str, Attributes]] = set()

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
            error = forbidden(user.name, wanted, decision.reason)
            self._tell(user, wanted, error.message)
            raise error

    def _tell(self, user: User, wanted: Attributes, message: str) -> None:
        """In the log, of an account, and of each kind of request once: it shows which rule a role lacks."""
        if account_of(user.name) is None:
            return
        what = (user.name, replace(wanted, name="", namespace=""))
        if what not in self._told and len(self._told) < _TOLD:
            self._told.add(what)
            log.warning("refused: %s", message)
