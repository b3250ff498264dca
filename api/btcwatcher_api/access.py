"""Who asks, and whether they may: the `Depends(...)` of every route but the webhook and the health checks."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from btcwatcher_api.accounts.keys import PREFIX as KEY_PREFIX
from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.problems import Problem

_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An access token of `POST /api/v1/auth/token`, an API key of `POST /api/v1/auth/keys`, or, to read"
    " only, the token in BTCWATCHER_READ_TOKEN_FILE",
)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def identify(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Identity:
    """Raises Problem 401 unless the request bears a token that is good."""
    if credentials is None:
        raise Problem(401, "give an access token or an API key as `Authorization: Bearer ...`", (), _CHALLENGE)
    token = credentials.credentials
    if hmac.compare_digest(token.encode(), request.app.state.read_token.encode()):
        return Identity("read-token", Role.VIEWER)
    identity = await _identity(request, token)
    if identity is None:
        raise Problem(401, "the bearer token is not valid or has expired: sign in again", (), _CHALLENGE)
    return identity


async def _identity(request: Request, token: str) -> Identity | None:
    state = request.app.state
    if state.accounts is None:
        return None
    found: Identity | None = (
        await state.accounts.keys.identity(token) if token.startswith(KEY_PREFIX) else state.signer.identity(token)
    )
    return found


def allowed(role: Role) -> Callable[[Request, Credentials], Awaitable[Identity]]:
    """A dependency that gives the Identity. Raises Problem 401, and 403 for a lesser role."""

    async def check(request: Request, credentials: Credentials) -> Identity:
        identity = await identify(request, credentials)
        if not identity.role.covers(role):
            raise Problem(403, f"this needs the role {role.value}; {identity.name} has {identity.role.value}")
        return identity

    return check


viewer = allowed(Role.VIEWER)
trader = allowed(Role.TRADER)
admin = allowed(Role.ADMIN)

Viewer = Annotated[Identity, Depends(viewer)]
Trader = Annotated[Identity, Depends(trader)]
Admin = Annotated[Identity, Depends(admin)]
