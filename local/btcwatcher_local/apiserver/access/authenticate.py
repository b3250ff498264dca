"""From a bearer token to a user: the cluster's own token, or one of a ServiceAccount that still lives."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from .. import errors
from ..objects import get_path, parse_time
from .tokens import ISSUER
from .user import ADMIN, ANONYMOUS, AUTHENTICATED, User, account_groups, account_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..context import Api
    from .tokens import Claims, Named

# How long a token of an account or pod that is being deleted is still good for.
_LEEWAY = 60.0
_EXTRA = "authentication.kubernetes.io/"
_BOUND = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


class InvalidTokenError(Exception):
    """A token that lets nobody in; the text is for a TokenReview."""


def user_of(api: Api, authorization: str) -> User:
    """Who sends this Authorization header. Raises 401 for a bearer token that is no good."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return ANONYMOUS
    try:
        return of_token(api, token)[0]
    except InvalidTokenError:
        raise errors.unauthorized() from None


def of_token(api: Api, token: str, audiences: Sequence[str] = (ISSUER,)) -> tuple[User, list[str]]:
    """The user of a token and those of the audiences that it is for. Raises InvalidTokenError."""
    if hmac.compare_digest(token.encode(), api.token.encode()):
        return ADMIN, [ISSUER]
    now = time.time()
    claims = api.keys.verify(token, now)
    if claims is None or not _lives(api, claims, now):
        raise InvalidTokenError("invalid bearer token")
    meant = [audience for audience in audiences if audience in claims.audiences]
    if not meant:
        given, wanted = (" ".join(f'"{a}"' for a in some) for some in (claims.audiences, audiences))
        why = f"token audiences [{given}] is invalid for the target audiences [{wanted}]"
        raise InvalidTokenError(f"[invalid bearer token, {why}]")
    return _user(claims), meant


def _lives(api: Api, claims: Claims, now: float) -> bool:
    """Whether the account, and what the token is bound to, are still the ones that it was made for."""
    if not _is(api, "serviceaccounts", claims.namespace, claims.account, now):
        return False
    if claims.bound is None:
        return True
    plural = _BOUND[claims.bound_kind]
    return _is(api, plural, "" if plural == "nodes" else claims.namespace, claims.bound, now)


def _is(api: Api, plural: str, namespace: str, wanted: Named, now: float) -> bool:
    stored = api.store.collection("", plural).get(namespace, wanted.name)
    if stored is None or stored.obj["metadata"]["uid"] != wanted.uid:
        return False
    going = parse_time(get_path(stored.obj, "metadata", "deletionTimestamp") or "")
    return going is None or going.timestamp() + _LEEWAY > now


def _user(claims: Claims) -> User:
    extra: dict[str, tuple[str, ...]] = {f"{_EXTRA}credential-id": (f"JTI={claims.identity}",)}
    for kind, named in ((claims.bound_kind.lower(), claims.bound), ("node", claims.node)):
        if named is not None and kind in ("pod", "node"):
            extra |= {f"{_EXTRA}{kind}-name": (named.name,), f"{_EXTRA}{kind}-uid": (named.uid,)}
    return User(
        account_name(claims.namespace, claims.account.name),
        (*account_groups(claims.namespace), AUTHENTICATED),
        claims.account.uid,
        extra,
    )
