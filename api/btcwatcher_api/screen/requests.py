"""What every request to the screen has: an id, the caller's address, and the session of its cookie."""

from typing import Final

from aiohttp import web

from btcwatcher_api import request_ids
from btcwatcher_api.addresses import TrustedProxies
from btcwatcher_api.problems import Problem
from btcwatcher_api.screen.sessions import Session, Sessions

REQUEST_ID: Final = web.RequestKey("request_id", str)
KIND: Final = web.RequestKey("kind", str)
"""As the metrics have it."""
BEGUN: Final = web.RequestKey("begun", bool)
"""Whether an answer has begun, which nothing can take the place of then."""
COOKIE: Final = web.AppKey("cookie", str)


def cookie_name(*, secure: bool) -> str:
    """With https browsers take the name from this very host only: a bot's page on a host beside it cannot set it."""
    return "__Host-btcwatcher-screen" if secure else "btcwatcher-screen"


def request_id(request: web.Request) -> str:
    return request[REQUEST_ID]


def new_request_id(request: web.Request) -> str:
    given = request.headers.get("X-Request-ID")
    return request_ids.of({request_ids.HEADER: given.encode()} if given is not None else {})


async def session_of(request: web.Request, sessions: Sessions) -> Session:
    """Raises Problem 401."""
    session = await found_session(request, sessions)
    if session is None:
        raise Problem(401, "sign in again: this browser has no session, or it has ended")
    return session


async def found_session(request: web.Request, sessions: Sessions) -> Session | None:
    return await sessions.find(request.cookies.get(request.app[COOKIE]))


def client_address(request: web.Request, proxies: TrustedProxies) -> str | None:
    """None where no proxy is trusted, for then nobody knows."""
    return proxies.client(request.remote or "", request.headers.getall("X-Forwarded-For", []))
