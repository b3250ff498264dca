"""`POST /api/v1/signals/webhook/{namespace}.{name}` as an ASGI endpoint: reads the body, waits for the commit, answers.

Plain ASGI inside the FastAPI app: models and dependencies would cost more than the work itself. Its OpenAPI entry is
written by hand in `openapi`. In `serve` most signals do not even come here, but through `fastlane`.
"""

import asyncio
import time
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from btcwatcher_api.problems import Problem, request_id
from btcwatcher_api.signals.ingest import GroupCommit, NotTaken, Outcome
from btcwatcher_api.signals.intake import Answer, Intake
from btcwatcher_api.signals.writer import RowsRefused

PATH: Final = "/api/v1/signals/webhook/{strategy_id}"

_BODY_SECONDS: Final = 10.0


class Webhook:
    """The endpoint."""

    def __init__(self, intake: Intake, commits: GroupCommit) -> None:
        self._intake = intake
        self._commits = commits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        identifier, identity = scope["path_params"]["strategy_id"], request_id(scope)
        try:
            answer = await self._answer(identifier, identity, scope, receive)
        except ClientDisconnect:
            self._intake.count(499)
            return
        headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body)), (b"x-request-id", identity.encode())]
        await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, identifier: str, identity: str, scope: Scope, receive: Receive) -> Answer:
        """Raises ClientDisconnect."""
        begin = time.perf_counter()
        try:
            headers: dict[bytes, bytes] = dict(scope["headers"])
            admitted = self._intake.admit(identifier, headers, scope["query_string"])
            incoming = self._intake.take(admitted, await self._body(headers, receive))
            if incoming is None:
                return self._intake.ignored()
        except Problem as problem:
            return self._intake.refused(identifier, problem, identity)
        outcome: Outcome
        try:
            outcome = await self._commits.commit(incoming.signal)
        except (NotTaken, RowsRefused) as error:
            outcome = error
        return self._intake.settled(incoming, outcome, begin, identity)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._intake.body_limit:
            raise self._too_large()
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    body = await self._rest(body, receive)
            except TimeoutError:
                raise Problem(408, f"the body did not arrive within {_BODY_SECONDS:.0f} seconds") from None
        if len(body) > self._intake.body_limit:
            raise self._too_large()
        return body

    async def _rest(self, begin: bytes, receive: Receive) -> bytes:
        parts, size = [begin], len(begin)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._intake.body_limit:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_large(self) -> Problem:
        return Problem(413, f"a webhook body has at most {self._intake.body_limit} bytes")
