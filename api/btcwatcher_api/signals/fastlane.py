"""The short way of a webhook: from the socket to the group commit and back, without ASGI and without a task.

A connection begins here. As long as it brings plain webhook requests (complete, with a Content-Length, kept alive) it
is served here, one after the other; the first bytes that are anything else hand it over to uvicorn for good, which then
sees exactly what it would have seen. So this file decides nothing about HTTP that is odd, large or slow: chunked
bodies, `Expect`, upgrades, bad requests, a body over the limit, one that does not come, and every other route.
"""

import asyncio
import re
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from btcwatcher_api import request_ids
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals.ingest import GroupCommit, NotTaken, Outcome
from btcwatcher_api.signals.intake import Answer, Incoming, Intake, problem_of
from btcwatcher_api.signals.webhook import PATH

if TYPE_CHECKING:
    from fastapi import FastAPI

_BEGIN: Final = b"POST " + PATH.partition("{")[0].encode()
_URL: Final = re.compile(re.escape(_BEGIN[5:]) + rb"([a-z0-9.-]+)(?:\?([^#]*))?")
_HEAD_END: Final = b"\r\n\r\n"
_LONGEST_HEAD: Final = 16 * 1024
_READ_AHEAD: Final = 64 * 1024
"""Bytes of further requests that are read while one waits for its commit."""
_SLOW_SECONDS: Final = 5.0
"""A request that is not complete after this is handed over; uvicorn's side bounds its wait."""
_ODD_HEADERS: Final = (b"transfer-encoding", b"expect", b"upgrade", b"content-encoding")
_STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}


class Odd(Exception):  # noqa: N818 - no error: somebody else's work
    """Not a plain webhook request."""


class Head:
    """The head of a plain webhook request. Raises Odd for any other.

    llhttp reads it, so that no leniency of ours lets through what a proxy in front understands differently.
    """

    __slots__ = ("headers", "identifier", "length", "query", "size", "url")

    def __init__(self, head: bytes, longest_body: int) -> None:
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.size: Final = len(head)
        parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(head)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise Odd from None
        url = _URL.fullmatch(self.url)
        length = self.headers.get(b"content-length", b"")
        if (
            url is None
            or not length.isdigit()
            or len(length) > 9
            or not parser.should_keep_alive()
            or parser.get_http_version() != "1.1"
            or any(name in self.headers for name in _ODD_HEADERS)
        ):
            raise Odd
        self.length: Final = int(length)
        if self.length > longest_body:
            raise Odd
        self.identifier: Final = url[1].decode()
        self.query: Final = url[2] or b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self.headers:
            raise Odd
        self.headers[name] = value


class Lane:
    """What all connections share."""

    __slots__ = ("_common", "_common_of", "commits", "intake")

    def __init__(self, intake: Intake, commits: GroupCommit) -> None:
        self.intake = intake
        self.commits = commits
        self._common = b""
        self._common_of: list[tuple[bytes, bytes]] | None = None

    def common(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's headers of every answer (the date), encoded. It makes a new list each second."""
        if headers is not self._common_of:
            self._common_of = headers
            self._common = b"".join(b"%s: %s\r\n" % header for header in headers)
        return self._common


class WebhookProtocol(asyncio.Protocol):
    """One connection. For uvicorn's `Config(http=...)`; the app's state has the Lane."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._lane: Lane = cast("FastAPI", config.loaded_app).state.lane
        self._transport: asyncio.Transport = None  # type: ignore[assignment] # uvicorn's way as well
        self._buffer = bytearray()
        self._head: Head | None = None
        self._waiting = False
        """For a commit."""
        self._reading = True
        self._writable = True
        self._ending = False
        self._answered = False
        self._idle = False
        """Found idle at the last look."""
        self._last = 0.0
        """When bytes last came or went."""
        self._began = 0.0
        """When the first bytes of the request in the buffer were looked at."""
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)  # type: ignore[arg-type] # it is shut down like uvicorn's own
        self._last = self._loop.time()
        self._timer = self._loop.call_later(self._config.timeout_keep_alive, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._ending = True
        self._buffer.clear()
        self._leave()

    def data_received(self, data: bytes) -> None:
        self._last = self._loop.time()
        self._idle = False
        if not self._buffer:
            self._began = self._last
        self._buffer += data
        if self._waiting or not self._writable:
            if len(self._buffer) > _READ_AHEAD and self._reading:
                self._reading = False
                self._transport.pause_reading()
            return
        self._advance()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._advance()

    # What uvicorn calls

    def shutdown(self) -> None:
        """Answer what waits, then close."""
        self._ending = True
        if not self._waiting:
            self._transport.close()

    # Our own

    def _advance(self) -> None:
        """Serve what is complete; hand over what is not for us."""
        while self._buffer and not self._waiting and self._writable and not self._ending:
            try:
                request = self._next()
            except Odd:
                self._hand_over()
                return
            if request is None:
                break
            self._serve(*request)
        if not self._reading and not self._waiting and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def _next(self) -> tuple[Head, bytes] | None:
        """The next request, taken out of the buffer; None while it is incomplete. Raises Odd."""
        if self._head is None:
            if not self._buffer.startswith(_BEGIN) and not _BEGIN.startswith(self._buffer):
                raise Odd
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                if len(self._buffer) > _LONGEST_HEAD:
                    raise Odd
                return None
            self._head = Head(bytes(self._buffer[: end + len(_HEAD_END)]), self._lane.intake.body_limit)
        head = self._head
        size = head.size + head.length
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[head.size : size])
        del self._buffer[:size]
        self._began = self._last
        self._head = None
        return head, body

    def _serve(self, head: Head, body: bytes) -> None:
        begin = time.perf_counter()
        intake = self._lane.intake
        identity = request_ids.of(head.headers)
        try:
            incoming = intake.take(intake.admit(head.identifier, head.headers, head.query), body)
            if incoming is None:
                self._answer(intake.ignored(), identity)
                return
            self._lane.commits.submit(incoming.signal, partial(self._settled, incoming, begin, identity))
        except Problem as problem:
            self._answer(intake.refused(head.identifier, problem, identity), identity)
        except NotTaken as error:
            self._answer(intake.refused(head.identifier, problem_of(error), identity), identity)
        except Exception as error:
            self._answer(intake.failed(head.identifier, error, identity), identity)
        else:
            self._waiting = True

    def _settled(self, incoming: Incoming, begin: float, identity: str, outcome: Outcome) -> None:
        self._waiting = False
        self._answer(self._lane.intake.settled(incoming, outcome, begin, identity), identity)
        self._advance()

    def _answer(self, answer: Answer, identity: str) -> None:
        self._server.total_requests += 1
        if self._transport.is_closing():
            return
        self._last = self._loop.time()
        self._answered = True
        headers = b"".join([b"%s: %s\r\n" % header for header in answer.headers])
        self._transport.write(
            b"%s%s%scontent-length: %d\r\nx-request-id: %s\r\n%s\r\n%s"
            % (
                _STATUS_LINES[answer.status],
                self._lane.common(self._server.default_headers),
                headers,
                len(answer.body),
                identity.encode(),
                b"connection: close\r\n" if self._ending else b"",
                answer.body,
            )
        )
        if self._ending:
            self._transport.close()

    def _look(self) -> None:
        """Now and then: is it idle, or does a request not become complete? One timer a connection, none a request."""
        if self._ending:
            return
        now, patience = self._loop.time(), self._config.timeout_keep_alive
        if not self._waiting and self._writable:
            if self._buffer and now - self._began >= _SLOW_SECONDS:
                self._hand_over()
                return
            if self._answered and not self._buffer and now - self._last >= patience:
                if self._idle:
                    self._transport.close()
                    return
                # Where the machine is slow, a request may lie in the socket by now: one more look at it first.
                self._idle = True
        self._timer = self._loop.call_later(max(0.1, patience - (now - self._last)), self._look)

    def _hand_over(self) -> None:
        self._leave()
        other = HttpToolsProtocol(self._config, self._server, self._app_state, self._loop)
        self._transport.set_protocol(other)
        other.connection_made(self._transport)
        if not self._reading:
            self._transport.resume_reading()
        data = bytes(self._buffer)
        self._buffer.clear()
        other.data_received(data)

    def _leave(self) -> None:
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
