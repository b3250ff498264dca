"""`POST /api/v1/signals/webhook/{namespace}.{name}`: authenticate, parse, grade, commit, answer.

Plain ASGI inside the FastAPI app: this is the path of every signal, and models and dependencies would cost more than
the work itself. Its OpenAPI entry is written by hand in `openapi`.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from btcwatcher_api import logs
from btcwatcher_api.metrics import Metrics
from btcwatcher_api.problems import MEDIA_TYPE, Problem, request_id, unavailable
from btcwatcher_api.signals import admission, lag
from btcwatcher_api.signals.bodies import NotJson, decode, decode_form, encode, parse
from btcwatcher_api.signals.credentials import TOKEN_FIELD, query_of, take_from_body
from btcwatcher_api.signals.dedup import event_key, order_key
from btcwatcher_api.signals.deliveries import channels_of
from btcwatcher_api.signals.fields import InvalidBody
from btcwatcher_api.signals.grading import grade
from btcwatcher_api.signals.ingest import GroupCommit, NotTaken
from btcwatcher_api.signals.lag import MAX_LAG_FIELD
from btcwatcher_api.signals.signatures import Signed
from btcwatcher_api.signals.types import Event
from btcwatcher_api.signals.writer import NewSignal, Row, RowsRefused
from btcwatcher_api.strategies.registry import KnownStrategy, Registry

if TYPE_CHECKING:
    from prometheus_client import Counter

PATH: Final = "/api/v1/signals/webhook/{strategy_id}"

_BODY_SECONDS: Final = 10.0
_log = logs.get("btcwatcher_api.webhook")
_stdlib_log = logging.getLogger("btcwatcher_api.webhook")


class Webhook:
    """The endpoint. `window`: how long equal bodies without a time are one event."""

    def __init__(
        self, registry: Registry, commits: GroupCommit, metrics: Metrics, *, body_limit: int, window: timedelta
    ) -> None:
        self._registry = registry
        self._commits = commits
        self._metrics = metrics
        self._body_limit = body_limit
        self._window = window
        self._quiet = logs.Throttle()
        # prometheus-client's own look-up by labels costs more than counting.
        self._codes: dict[int, Counter] = {}
        self._signals: dict[tuple[str, str], Counter] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = time.perf_counter()
        identifier = scope["path_params"]["strategy_id"]
        headers: list[tuple[bytes, bytes]]
        try:
            stored = await self._take(identifier, scope, receive)
        except ClientDisconnect:
            self._count(499)
            return
        except Problem as problem:
            status = problem.status
            body = problem.body(request_id(scope))
            headers = [(b"content-type", MEDIA_TYPE.encode())]
            headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
            self._refused(identifier, problem, request_id(scope))
        else:
            status = HTTPStatus.ACCEPTED
            body = _answer(stored)
            headers = [(b"content-type", b"application/json")]
            self._metrics.ingest_seconds.observe(time.perf_counter() - begin)
        self._count(status)
        headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"x-request-id", request_id(scope).encode()))
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _take(self, identifier: str, scope: Scope, receive: Receive) -> UUID | None:
        """The id of the stored signal, None for what is not kept. Raises Problem."""
        strategy = self._known(identifier)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        query = query_of(scope["query_string"]) if scope["query_string"] else {}
        shown = admission.shown(headers, query, strategy)
        form = admission.is_form(headers)
        raw = await self._body(headers, receive)
        if isinstance(shown, Signed):
            admission.check_signature(shown, raw, strategy)
        try:
            body = decode_form(raw) if form else decode(raw)
            if TOKEN_FIELD in body and take_from_body(body, strategy.tokens):
                shown, form = shown or strategy.tokens[0], True
        except NotJson as error:
            if shown is None:
                raise admission.no_token() from error
            raise Problem(400, f"the body is not JSON: {error}") from error
        except InvalidBody as error:
            if shown is None:
                raise admission.no_token() from error
            raise Problem(422, str(error), error.errors) from error
        if shown is None:
            raise admission.no_token() if TOKEN_FIELD not in body else admission.wrong_token()
        if form:
            raw = encode(body)
        received = datetime.now(UTC)
        try:
            event = parse(body)
            if event is None:
                return None
            if MAX_LAG_FIELD in query or (MAX_LAG_FIELD in body and "action" in body):
                lag.check(event, query.get(MAX_LAG_FIELD) or body.get(MAX_LAG_FIELD), received)
        except InvalidBody as error:
            raise Problem(422, str(error), error.errors) from error
        message_id = shown.id if isinstance(shown, Signed) else None
        signal, level = self._row(strategy, raw, body, event, received, message_id)
        try:
            stored = await self._commits.commit(signal)
        except NotTaken as error:
            raise unavailable(str(error)) from error
        except RowsRefused as error:
            raise Problem(422, f"the body cannot be stored: {error}", [("body", str(error))]) from error
        if stored.new:
            self._stored(event.type, level)
        else:
            self._metrics.duplicates.inc()
        if _stdlib_log.isEnabledFor(logging.DEBUG):
            _log.debug("signal accepted", strategy=identifier, type=event.type, level=level, id=str(stored.id))
        return stored.id

    def _row(
        self,
        strategy: KnownStrategy,
        raw: bytes,
        body: dict[str, Any],
        event: Event,
        received: datetime,
        message_id: str | None,
    ) -> tuple[NewSignal, str]:
        key = event_key(strategy.id, body, event, received, self._window, message_id)
        graded = grade(event, strategy.signals)
        row = Row(
            id=key.id,
            event_time=key.event_time,
            received_at=received,
            event_key="\\x" + key.key.hex(),
            dated=key.seek_from is None,
            seek_from=key.seek_from,
            order_key=order_key(event),
            namespace=strategy.namespace,
            strategy=strategy.name,
            source=event.source,
            type=event.type,
            pair=event.pair,
            direction=event.direction,
            trade_id=event.trade_id,
            trade_opened_at=event.trade_opened_at,
            sub_trade=event.sub_trade,
            price=event.price,
            amount=event.amount,
            stake=event.stake,
            stake_currency=event.stake_currency,
            profit_ratio=event.profit_ratio,
            profit_amount=event.profit_amount,
            enter_tag=event.enter_tag,
            exit_reason=event.exit_reason,
            message=event.message,
            strength=graded.strength,
            level=graded.level,
            priority=graded.priority,
            payload=msgspec.Raw(raw),
            channels=channels_of(graded, strategy.signals.notify),
        )
        return NewSignal(key.id, key.key, key.seek_from, msgspec.json.encode(row)), graded.level or ""

    def _known(self, identifier: str) -> KnownStrategy:
        if not self._registry.synced:
            # Nobody is unknown yet, only not known: a 404 now would make a sender drop its signal.
            raise unavailable("the Strategies are not known yet")
        strategy = self._registry.get(identifier)
        if strategy is None:
            raise Problem(404, "there is no such Strategy; the path ends in <namespace>.<name>")
        return strategy

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._body_limit:
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
        if len(body) > self._body_limit:
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
            if size > self._body_limit:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_large(self) -> Problem:
        return Problem(413, f"a webhook body has at most {self._body_limit} bytes")

    def _refused(self, identifier: str, problem: Problem, identity: str) -> None:
        known = self._registry.get(identifier)
        name = identifier if known else "unknown"
        quiet = self._quiet.allows((name, problem.status))
        if quiet is not None:
            _log.warning(
                "signal refused",
                strategy=identifier[:128],
                code=problem.status,
                reason=problem.detail,
                request_id=identity,
                more_since_last=quiet,
            )

    def _stored(self, kind: str, level: str) -> None:
        counter = self._signals.get((kind, level))
        if counter is None:
            counter = self._signals[kind, level] = self._metrics.signals.labels(kind, level)
        counter.inc()

    def _count(self, status: int) -> None:
        counter = self._codes.get(status)
        if counter is None:
            counter = self._codes[status] = self._metrics.webhook.labels(str(int(status)))
        counter.inc()


def _answer(stored: UUID | None) -> bytes:
    if stored is None:
        return b'{"id":null,"status":"ignored"}'
    return b'{"id":"%s","status":"accepted"}' % str(stored).encode()
