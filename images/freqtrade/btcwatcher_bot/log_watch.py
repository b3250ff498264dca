"""Reads every log record of the process as it is made.

freqtrade configures logging anew at its start and at each reload and drops foreign handlers then, so this is no handler
but a record factory: nothing has to be patched, and nothing the user sets in `log_config` gets in its way.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from btcwatcher_bot.classify import failure_of
from btcwatcher_bot.heartbeat import STOPPED, Liveness, changed_state, heartbeat_state, is_after_reload, is_progress
from btcwatcher_bot.termination import Failure, Reason

_MAIN = "freqtrade"
_RESOLVER = "freqtrade.resolvers.iresolver"
_API_SERVER = "uvicorn.error"
_WORKER = "freqtrade.worker"
ENDS = "freqtrade.commands.trade_commands"
"""Its one line comes when freqtrade begins to end."""
_GIVES_UP = "OperationalException. Stopping trader"
_ADDRESS_IN_USE = ("address already in use", "Errno 98", "Errno 48")
_KEPT = 5


class LogWatch:
    """Keeps the last errors in freqtrade's words, and feeds the heartbeat.

    `on_port_taken` is called, from the API server's thread, when that cannot bind its port: freqtrade itself then
    waits for ever. `on_sign` is called, from the thread of the trading loop, when that has come round or changed its
    state: the time in monotonic seconds, and whether it was made anew from its config.
    """

    def __init__(
        self,
        source: Path,
        liveness: Liveness,
        on_port_taken: Callable[[str], None],
        on_sign: Callable[[float, bool], None] = lambda now, reloaded: None,
    ) -> None:
        self._source = source
        self._liveness = liveness
        self._on_port_taken = on_port_taken
        self._on_sign = on_sign
        self._errors: deque[Failure] = deque(maxlen=_KEPT)
        self._import_failure: Failure | None = None
        self._fatal: Failure | None = None
        self._gave_up: Failure | None = None
        self._ends = False

    def install(self) -> None:
        """See every record from now on."""
        make = logging.getLogRecordFactory()

        def make_and_see(*args: object, **kwargs: object) -> logging.LogRecord:
            record = make(*args, **kwargs)
            self._see(record)
            return record

        logging.setLogRecordFactory(make_and_see)

    @property
    def import_failure(self) -> Failure | None:
        """Why the strategy's file did not import, when freqtrade went on without it."""
        return self._import_failure

    @property
    def ends(self) -> bool:
        """Whether freqtrade has begun to end."""
        return self._ends

    @property
    def stopped_by(self) -> Failure | None:
        """The error for which freqtrade has stopped trading; None where it did so for no error."""
        return self._gave_up

    def failure(self, otherwise: str) -> Failure:
        """Why freqtrade ended: what it said last, or `otherwise` when it said nothing."""
        if self._fatal is None:
            return self._errors[-1] if self._errors else Failure(Reason.BOT_EXITED, otherwise)
        if self._fatal.reason is Reason.STRATEGY_NOT_FOUND and self._import_failure is not None:
            return self._import_failure
        before = [error for error in self._errors if error.message not in self._fatal.message]
        refused = [error for error in before if error.reason is Reason.CREDENTIALS_REFUSED]
        if self._fatal.reason is Reason.EXCHANGE_UNREACHABLE and refused:
            # freqtrade calls that an exchange that cannot be reached.
            return refused[-1]
        if self._fatal.reason is Reason.EXCHANGE_UNREACHABLE and before:
            return Failure(self._fatal.reason, f"{self._fatal.message}\n{before[-1].message}")
        return self._fatal

    def _see(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if record.name == ENDS:
            self._ends = True
        if record.levelno < logging.WARNING:
            if heartbeat_state(record.name, record.getMessage()) is not None:
                self._liveness.heartbeat(now)
                self._on_sign(now, False)
            # Not by the heartbeat: the first one after an error still tells of the state before.
            elif (state := changed_state(record.name, record.getMessage())) is not None:
                self._liveness.stopped = state == STOPPED
                if state != STOPPED:
                    self._gave_up = None
                self._on_sign(now, is_after_reload(record.getMessage()))
            return
        if is_progress(record.name, record.threadName or ""):
            self._liveness.progress(now)
        error = record.exc_info[1] if record.exc_info else sys.exc_info()[1]
        if record.name == _RESOLVER and error is not None:
            failure = failure_of(error, _message(record), self._source)
            self._import_failure = Failure(Reason.STRATEGY_IMPORT_FAILED, failure.message)
        if record.levelno >= logging.ERROR:
            self._remember(record, error)

    def _remember(self, record: logging.LogRecord, error: BaseException | None) -> None:
        message = _message(record)
        if record.name == _API_SERVER and any(words in message for words in _ADDRESS_IN_USE):
            self._on_port_taken(message)
        failure = failure_of(error, message, self._source)
        if record.name == _WORKER and message.startswith(_GIVES_UP):
            self._gave_up = failure
        if record.name == _MAIN:
            self._fatal = failure
        else:
            self._errors.append(failure)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # A malformed log call is logging's to report, not a reason to fail.
        return str(record.msg)
