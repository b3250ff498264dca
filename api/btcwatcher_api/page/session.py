"""Who looks at the page: a cookie that holds a sign-in of the accounts, asked for in the database each time.

The cookie is a refresh token that is looked at and not used up: so a password change, an end of the sign-in and a
deactivated user hold at once, and two tabs do not take it from one another.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request, Response

from btcwatcher_api.accounts.endpoints import accounts_of
from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.page.origin import is_own, is_secure
from btcwatcher_api.problems import Problem

_COOKIE: Final = "btcwatcher_session"
_SAFE: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in."""

    identity: Identity

    @property
    def name(self) -> str:
        return self.identity.name

    @property
    def role(self) -> Role:
        return self.identity.role

    @property
    def trades(self) -> bool:
        """Whether he may change Strategies."""
        return self.role.covers(Role.TRADER)


def secure(request: Request) -> bool:
    return is_secure(request.url.scheme, request.headers, request.app.state.settings.public_url)


def cookie_name(request: Request) -> str:
    """With the prefix no other host, and nothing that speaks http, can set it."""
    return f"__Host-{_COOKIE}" if secure(request) else _COOKIE


def token_of(request: Request) -> str | None:
    return request.cookies.get(cookie_name(request))


def keep(request: Request, response: Response, token: str) -> None:
    """Give the browser a sign-in."""
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=int(request.app.state.settings.refresh_lifetime.total_seconds()),
        path="/",
        secure=secure(request),
        httponly=True,
        samesite="strict",
    )


def forget(request: Request, response: Response) -> None:
    response.delete_cookie(cookie_name(request), path="/", secure=secure(request), httponly=True, samesite="strict")


async def check_origin(request: Request) -> None:
    """Raises Problem 403 for a change that another page asks for."""
    if request.method not in _SAFE and not is_own(request.headers):
        raise Problem(403, "this was asked for by another page than ours: open the page anew and try again")


async def _visitor(request: Request) -> Visitor:
    """Raises Problem 401 for who is not signed in, 503 without accounts or a database."""
    await check_origin(request)
    accounts = await accounts_of(request)
    token = token_of(request)
    found = await accounts.session(token) if token else None
    if found is None:
        raise Problem(401, "sign in first")
    user, renewed = found
    # page_route.py gives the browser the longer cookie with the answer.
    request.state.renewed = token if renewed else None
    return Visitor(Identity(user.username, user.role, user.id))


async def _trader(visitor: Annotated[Visitor, Depends(_visitor)]) -> Visitor:
    if not visitor.trades:
        raise Problem(403, f"this needs the role {Role.TRADER}; {visitor.name} has {visitor.role}")
    return visitor


SignedIn = Annotated[Visitor, Depends(_visitor)]
Trading = Annotated[Visitor, Depends(_trader)]
