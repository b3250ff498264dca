"""The one layer around every request: its id, and for all but the webhook its metric.

Plain ASGI, for it is on the hot path; and the way out of it for the webhook, which is asked for most: routing and the
layers below would cost as much as parsing and grading a signal.
"""

import asyncio
import time
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from btcwatcher_api import request_ids
from btcwatcher_api.metrics import Metrics
from btcwatcher_api.signals.webhook import PATH

_WEBHOOK: Final = PATH.partition("{")[0]
_BODY_LIMIT: Final = 1024 * 1024
"""Bytes: room for a Strategy with its source inline. The webhook has a limit of its own."""
_BODY_SECONDS: Final = 30.0
"""A body that is not there after this is not waited for; heads that come slowly are the ingress' to end."""
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""On every answer that does not say otherwise itself."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLayer:
    """Gives each request an id, answers it back, limits and measures; tells browsers to be careful with answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics, webhook: ASGIApp) -> None:
        self._app = app
        self._metrics = metrics
        self._webhook = webhook

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = request_ids.of(dict(scope["headers"]))
        scope["btcwatcher.request_id"] = identifier
        if scope["method"] == "POST" and (strategy := _webhook_of(scope["path"])):
            scope["path_params"] = {"strategy_id": strategy}
            await self._webhook(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 500

        received = 0
        waiting = True

        async def receive_limited() -> Message:
            nonlocal received, waiting
            try:
                # Once the body is there, what is waited for is the end of the connection.
                async with asyncio.timeout(begin + _BODY_SECONDS - time.perf_counter() if waiting else None):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body did not come within {_BODY_SECONDS:.0f} s") from None
            waiting = waiting and bool(message.get("more_body"))
            received += len(message.get("body", b""))
            if received > _BODY_LIMIT:
                raise HTTPException(413, f"a body has at most {_BODY_LIMIT} bytes here")
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (request_ids.HEADER, identifier.encode())]
                there = {name for name, _ in headers}
                message["headers"] = headers + [header for header in _HEADERS if header[0] not in there]
            await send(message)

        try:
            await self._app(scope, receive_limited, send_with_id)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, _route(scope), str(status)).observe(time.perf_counter() - begin)


def _webhook_of(path: str) -> str | None:
    """The Strategy's id in a path of the webhook; None for any other path."""
    if not path.startswith(_WEBHOOK):
        return None
    identifier = path[len(_WEBHOOK) :]
    return identifier if identifier and "/" not in identifier else None


def _route(scope: Scope) -> str:
    """The route's template: a path that somebody made up must not become a label."""
    return str(getattr(scope.get("route"), "path", "none"))
