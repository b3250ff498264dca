"""What all handlers share: the store, the registry and the settings of one server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .access.authorize import Authorizer
from .access.tokens import TokenKey
from .registry import Registry
from .storage import Store

if TYPE_CHECKING:
    from .objects import JsonObject
    from .resources import Resource
    from .storage import Collection


@dataclass(slots=True)
class Api:
    """One embedded API server."""

    token: str
    store: Store = field(default_factory=Store)
    registry: Registry = field(default_factory=Registry)
    address: str = "127.0.0.1:0"
    # signs the tokens of ServiceAccounts
    keys: TokenKey = field(default_factory=TokenKey)
    # whether somebody may do something, by the roles in the store
    authorizer: Authorizer = field(init=False)
    bookmark_seconds: float = 20.0
    # set when the server goes down, so that open watches end
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # set when a namespace is to be emptied
    terminating: asyncio.Event = field(default_factory=asyncio.Event)
    # whether claims get the finalizer that keeps them while a pod uses them; a controller has to take it away
    claim_protection: bool = False
    # whether a pod needs an account and gets its token; controllers have to make accounts, and publish the authority
    account_admission: bool = False
    # specs of the CRDs that the registry reflects
    served_specs: dict[tuple[str, str], JsonObject] = field(default_factory=dict)
    _allocated: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.authorizer = Authorizer(self.store)

    def allocated(self, what: str) -> dict[str, str]:
        """A table of what is handed out, by value: the uid of who has it."""
        return self._allocated.setdefault(what, {})

    def collection(self, resource: Resource) -> Collection:
        return self.store.collection(*resource.storage)
