"""Who somebody is, as authentication finds it and authorization reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..objects import JsonObject

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def may_everything(self) -> bool:
        return MASTERS in self.groups

    def as_info(self) -> JsonObject:
        """authentication.k8s.io UserInfo; what is empty is left out."""
        found: JsonObject = {"username": self.name}
        if self.uid:
            found["uid"] = self.uid
        if self.groups:
            found["groups"] = list(self.groups)
        if self.extra:
            found["extra"] = {key: list(values) for key, values in sorted(self.extra.items())}
        return found


# Whoever holds the cluster's one bearer token.
ADMIN = User("btcwatcher-admin", (MASTERS, AUTHENTICATED))
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


def account_name(namespace: str, name: str) -> str:
    """The user name of a ServiceAccount."""
    return f"{_ACCOUNT}{namespace}:{name}"


def account_groups(namespace: str) -> tuple[str, ...]:
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def account_of(user_name: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount with this user name, None when it is none."""
    namespace, colon, name = user_name.removeprefix(_ACCOUNT).partition(":")
    if not user_name.startswith(_ACCOUNT) or not colon or not namespace or not name or ":" in name:
        return None
    return namespace, name
