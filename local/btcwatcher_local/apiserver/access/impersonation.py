"""`kubectl --as`: acting as somebody else, for those who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import errors
from .attributes import Attributes
from .user import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User, account_groups, account_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .authorize import Authorizer

_USER, _GROUP, _UID = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid"


def effective(authorizer: Authorizer, user: User, headers: Mapping[str, str], groups: Sequence[str]) -> User:
    """Whom a request is made as; `groups` are the values of its Impersonate-Group.

    Raises 403 when that is not allowed.
    """
    name = headers.get(_USER, "")
    if not name:
        if groups or headers.get(_UID):
            raise errors.bad_request("requested groups or uid without impersonating a user")
        return user
    account = account_of(name)
    if account:
        _require(authorizer, user, Attributes("impersonate", "", "serviceaccounts", "", *account))
    else:
        _require(authorizer, user, Attributes("impersonate", "", "users", "", "", name))
    for group in groups:
        _require(authorizer, user, Attributes("impersonate", "", "groups", "", "", group))
    return User(name, _groups(name, account, groups), headers.get(_UID, ""))


def _require(authorizer: Authorizer, user: User, wanted: Attributes) -> None:
    if not user.may_everything:
        authorizer.require(user, wanted)


def _groups(name: str, account: tuple[str, str] | None, given: Sequence[str]) -> tuple[str, ...]:
    found = tuple(given)
    if account and not found:
        found = account_groups(account[0])
    everybody = UNAUTHENTICATED if name == ANONYMOUS.name else AUTHENTICATED
    return found if {AUTHENTICATED, UNAUTHENTICATED} & set(found) else (*found, everybody)
