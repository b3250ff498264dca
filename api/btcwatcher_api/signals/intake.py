"""One webhook request, whatever brought it: admitted, parsed, graded, made a row, and answered. No I/O and no waiting.

Who serves HTTP (the ASGI endpoint in `webhook`, the short way in `fastlane`) calls `admit` and `take`, has the signal
committed, and sends the Answer.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from btcwatcher_api import logs
from btcwatcher_api.metrics import Metrics
from btcwatcher_api.notifications.router import Router
from btcwatcher_api.problems import MEDIA_TYPE, Problem, unavailable
from btcwatcher_api.signals import admission, lag
from btcwatcher_api.signals.bodies import NotJson, decode, decode_form, encode, parse
from btcwatcher_api.signals.credentials import TOKEN_FIELD, query_of, take_from_body
from btcwatcher_api.signals.dedup import event_key
from btcwatcher_api.signals.fields import InvalidBody
from btcwatcher_api.signals.ingest import NotTaken, Outcome
from btcwatcher_api.signals.lag import MAX_LAG_FIELD
from btcwatcher_api.signals.row import row_of
from btcwatcher_api.signals.signatures import Signed
from btcwatcher_api.signals.types import Event
from btcwatcher_api.signals.unkeepable import refused_fields
from btcwatcher_api.signals.writer import NewSignal, Stored
from btcwatcher_api.strategies.registry import KnownStrategy, Registry

if TYPE_CHECKING:
    from prometheus_client import Counter

_log = logs.get("btcwatcher_api.webhook")
_stdlib_log = logging.getLogger("btcwatcher_api.webhook")

_JSON: Final = [(b"content-type", b"application/json")]
_IGNORED: Final = b'{"id":null,"status":"ignored"}'


class Answer(NamedTuple):
    """What is sent back, but for the headers of every answer (its length and the request's id)."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


@dataclass(slots=True)
class Admitted:
    """A request that may bring a Strategy's signals, as far as its head tells."""

    strategy: KnownStrategy
    query: dict[str, str]
    shown: bytes | Signed | None
    """A token that is right, a signature to be checked with the body, or None: the body must bring the token."""
    form: bool


@dataclass(slots=True)
class Incoming:
    """A signal that is to be committed."""

    strategy: KnownStrategy
    signal: NewSignal
    type: str
    level: str


class Intake:
    """Decides on every webhook.

    `body_limit` in bytes; `window`: how long equal bodies without a time are one event; `kept`: how long signals are.
    """

    def __init__(
        self,
        registry: Registry,
        router: Router,
        metrics: Metrics,
        *,
        body_limit: int,
        window: timedelta,
        kept: timedelta,
    ) -> None:
        self.body_limit: Final = body_limit
        self._registry = registry
        self._router = router
        self._metrics = metrics
        self._window = window
        self._kept = kept
        self._quiet = logs.Throttle()
        # prometheus-client's own look-up by labels costs more than counting.
        self._codes: dict[int, Counter] = {}
        self._signals: dict[tuple[str, str], Counter] = {}

    def admit(self, identifier: str, headers: dict[bytes, bytes], query_string: bytes) -> Admitted:
        """Raises Problem for who is unknown, shows a wrong token, or announces what is not read."""
        if not self._registry.synced:
            # Nobody is unknown yet, only not known: a 404 now would make a sender drop its signal.
            raise unavailable("the Strategies are not known yet")
        if not self._router.synced:
            raise unavailable("the NotificationChannels are not known yet")
        strategy = self._registry.sender(identifier)
        if strategy is None:
            raise Problem(404, "there is no such Strategy; the path ends in <namespace>.<name>")
        query = query_of(query_string) if query_string else {}
        shown = admission.shown(headers, query, strategy)
        return Admitted(strategy, query, shown, admission.is_form(headers))

    def take(self, admitted: Admitted, raw: bytes) -> Incoming | None:
        """The signal in a body, None for what is not kept. Raises Problem."""
        strategy, query, shown, form = admitted.strategy, admitted.query, admitted.shown, admitted.form
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
            lag.check_kept(event, self._kept, received)
            lag.check_ahead(event, received)
            if MAX_LAG_FIELD in query or (MAX_LAG_FIELD in body and "action" in body):
                lag.check(event, query.get(MAX_LAG_FIELD) or body.get(MAX_LAG_FIELD), received)
        except InvalidBody as error:
            raise Problem(422, str(error), error.errors) from error
        message_id = shown.id if isinstance(shown, Signed) else None
        signal, level = self._row(strategy, raw, body, event, received, message_id)
        return Incoming(strategy, signal, event.type, level)

    def ignored(self) -> Answer:
        """The answer to what is not kept."""
        self.count(HTTPStatus.ACCEPTED)
        return Answer(HTTPStatus.ACCEPTED, _JSON, _IGNORED)

    def settled(self, incoming: Incoming, outcome: Outcome, begin: float, request_id: str) -> Answer:
        """The answer once it is known what became of a signal. `begin`: time.perf_counter() as the request came."""
        if not isinstance(outcome, Stored):
            return self.refused(incoming.strategy.id, problem_of(outcome, incoming.signal.row), request_id)
        if outcome.new:
            self._stored(incoming.type, incoming.level)
        else:
            self._metrics.duplicates.inc()
        if _stdlib_log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "signal accepted",
                strategy=incoming.strategy.id,
                type=incoming.type,
                level=incoming.level,
                id=str(outcome.id),
            )
        self._metrics.ingest_seconds.observe(time.perf_counter() - begin)
        self.count(HTTPStatus.ACCEPTED)
        return Answer(HTTPStatus.ACCEPTED, _JSON, b'{"id":"%s","status":"accepted"}' % str(outcome.id).encode())

    def refused(self, identifier: str, problem: Problem, request_id: str) -> Answer:
        """The answer that is a problem; the log is told, but not of every single one."""
        name = identifier if self._registry.sender(identifier) else "unknown"
        quiet = self._quiet.allows((name, problem.status))
        if quiet is not None:
            _log.warning(
                "signal refused",
                strategy=identifier[:128],
                code=problem.status,
                reason=problem.detail,
                request_id=request_id,
                more_since_last=quiet,
            )
        self.count(problem.status)
        headers = [(b"content-type", MEDIA_TYPE.encode())]
        headers += [(key.lower().encode(), value.encode()) for key, value in problem.headers.items()]
        return Answer(problem.status, headers, problem.body(request_id))

    def failed(self, identifier: str, error: Exception, request_id: str) -> Answer:
        """The answer to a mistake of ours."""
        _log.error("unexpected error", strategy=identifier[:128], request_id=request_id, exc_info=error)
        problem = Problem(500, "an unexpected error; the log has it under this request id")
        return self.refused(identifier, problem, request_id)

    def count(self, status: int) -> None:
        counter = self._codes.get(status)
        if counter is None:
            counter = self._codes[status] = self._metrics.webhook.labels(str(int(status)))
        counter.inc()

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
        row = row_of(strategy, event, key, received, raw, self._router.of(strategy))
        return NewSignal(key.id, key.key, key.seek_from, msgspec.json.encode(row)), row.level or ""

    def _stored(self, kind: str, level: str) -> None:
        counter = self._signals.get((kind, level))
        if counter is None:
            counter = self._signals[kind, level] = self._metrics.signals.labels(kind, level)
        counter.inc()


def problem_of(outcome: Exception, row: bytes = b"") -> Problem:
    """Why a signal was not committed: NotTaken is worth another try, RowsRefused is not. `row`: what was refused."""
    if isinstance(outcome, NotTaken):
        return unavailable(str(outcome))
    if wrong := refused_fields(row):
        error = InvalidBody(*wrong)
        return Problem(422, str(error), error.errors)
    return Problem(422, f"the body cannot be stored: {outcome}", [("body", str(outcome))])
