"""Who asks, and whether they may: the `Depends(...)` of every route but the webhook and the health checks."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.problems import Problem

_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An access token of `POST /api/v1/auth/token`; to read only, the token in BTCWATCHER_READ_TOKEN_FILE",
)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def identify(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Identity:
    """Raises Problem 401 unless the request bears a token that is good."""
    if credentials is None:
        raise Problem(401, "give an access token or the read token as `Authorization: Bearer ...`", (), _CHALLENGE)
    token = credentials.credentials
    if hmac.compare_digest(token.encode(), request.app.state.read_token.encode()):
        return Identity("read-token", Role.VIEWER)
    signer = request.app.state.signer
    identity: Identity | None = signer.identity(token) if signer is not None else None
    if identity is None:
        raise Problem(401, "the bearer token is not valid or has expired: sign in again", (), _CHALLENGE)
    return identity


def allowed(role: Role) -> Callable[[Request, Credentials], Awaitable[Identity]]:
    """A dependency that gives the Identity. Raises Problem 401, and 403 for a lesser role."""

    async def check(request: Request, credentials: Credentials) -> Identity:
        identity = identify(request, credentials)
        if not identity.role.covers(role):
            raise Problem(403, f"this needs the role {role.value}; {identity.name} has {identity.role.value}")
        return identity

    return check


viewer = allowed(Role.VIEWER)
trader = allowed(Role.TRADER)

Viewer = Annotated[Identity, Depends(viewer)]
Trader = Annotated[Identity, Depends(trader)]
