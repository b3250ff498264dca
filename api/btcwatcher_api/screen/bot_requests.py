"""The requests of FreqUI for the bots: let through for who is signed in and may, with the bot's own credentials."""

import time
from typing import Final

import aiohttp
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from btcwatcher_api import logs
from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.problems import Problem
from btcwatcher_api.screen.bots import Bots, Target
from btcwatcher_api.screen.commands import Commands
from btcwatcher_api.screen.forwarding import Forwarding
from btcwatcher_api.screen.metrics import ScreenMetrics
from btcwatcher_api.screen.paths import Ask, BotPath, ask_of, bot_path
from btcwatcher_api.screen.requests import KIND, request_id, session_of
from btcwatcher_api.screen.sessions import Session, Sessions
from btcwatcher_api.screen.streaming import stream

_MOST_STREAMS: Final = 4000
_log = logs.get("btcwatcher_api.screen")


class BotRequests:
    """`client` asks the bots, `streams` holds their websockets."""

    def __init__(
        self,
        bots: Bots,
        sessions: Sessions,
        commands: Commands,
        client: aiohttp.ClientSession,
        streams: aiohttp.ClientSession,
        metrics: ScreenMetrics,
        seconds: float,
    ) -> None:
        self._bots = bots
        self._sessions = sessions
        self._commands = commands
        self._streams = streams
        self._metrics = metrics
        self._seconds = seconds
        self._forwarding = Forwarding(client, seconds)
        self._open = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Raises Problem."""
        path = bot_path(request.raw_path.partition("?")[0])
        if path is None:
            raise Problem(404, "this is no path of a bot's API")
        ask = ask_of(request.method, path.endpoint)
        if ask is Ask.OTHER:
            raise Problem(405, "this path does not take this method")
        session = await session_of(request, self._sessions)
        if ask is Ask.TOKEN:
            return self._tokens(request, session)
        _check_token(session, _token_of(request, ask))
        request[KIND] = ask.value
        if ask is Ask.WEBSOCKET:
            return await self._stream(request, session, self._bots.target(path))
        if ask is Ask.COMMAND:
            return await self._command(request, session, path)
        target = self._bots.target(path)
        return await self._forwarding.pass_on(request, target, path, await request.read())

    def _tokens(self, request: web.Request, session: Session) -> web.Response:
        """FreqUI renews its tokens bot by bot; they are good as long as the session is."""
        request[KIND] = Ask.TOKEN.value
        return web.json_response({"access_token": session.token, "refresh_token": session.token})

    async def _stream(self, request: web.Request, session: Session, target: Target) -> web.StreamResponse:
        if self._open >= _MOST_STREAMS:
            raise Problem(503, "too many websockets are open", headers={"Retry-After": "30"})

        async def signed_in() -> bool:
            try:
                return await self._sessions.find(session.secret) is not None
            except SQLAlchemyError:
                # Nobody can sign out while the database is away.
                return True

        self._open += 1
        self._metrics.streams.set(self._open)
        try:
            return await stream(self._streams, request, target, signed_in, self._seconds)
        finally:
            self._open -= 1
            self._metrics.streams.set(self._open)

    async def _command(self, request: web.Request, session: Session, path: BotPath) -> web.StreamResponse:
        user = session.user
        if not user.role.covers(Role.TRADER):
            raise Problem(403, f"this needs the role {Role.TRADER.value}; {user.username} has {user.role.value}")
        target = self._bots.target(path)
        body = await request.read()
        query = request.raw_path.partition("?")[2]
        identifier = request_id(request)
        await self._commands.sent(
            user.username, target.strategy, identifier, request.method, path.endpoint, query, body
        )
        begin = time.monotonic()
        status = 502
        try:
            response = await self._forwarding.pass_on(request, target, path, body)
            status = response.status
            return response
        except Problem as problem:
            status = problem.status
            raise
        finally:
            _log.info(
                "a command went to a bot",
                strategy=target.strategy,
                user=user.username,
                endpoint=path.endpoint,
                status=status,
                seconds=round(time.monotonic() - begin, 3),
                request_id=identifier,
            )
            try:
                await self._commands.answered(user.username, target.strategy, identifier, path.endpoint, status)
            except SQLAlchemyError as error:
                _log.warning(
                    "what a bot answered is not in the audit log", error=type(error).__name__, request_id=identifier
                )


def _token_of(request: web.Request, ask: Ask) -> str:
    """A browser cannot give a websocket a header."""
    if ask is Ask.WEBSOCKET:
        return request.query.get("token", "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check_token(session: Session, token: str) -> None:
    """Raises Problem 401, after which FreqUI asks for the token anew."""
    if not session.proves(token):
        raise Problem(401, "the bearer token is not this session's")
