"""The thread that keeps the health files true while freqtrade trades in the main thread."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from btcwatcher_bot import places, ports, termination
from btcwatcher_bot.ending import Ending
from btcwatcher_bot.health_files import absent, present
from btcwatcher_bot.heartbeat import Liveness
from btcwatcher_bot.log_watch import ENDS
from btcwatcher_bot.rendered import Rendered
from btcwatcher_bot.scrub import scrub
from btcwatcher_bot.termination import Failure, Reason
from btcwatcher_bot.wanted_state import WantedState

_LOOK_EVERY = 1.0
STOPPED_PREFIX = "BotStopped: "
_STOPPED_LIMIT = 800
"""Characters: an Event holds no more than 1024 bytes."""
_WORKER_LOGGER = "freqtrade.worker"
logger = logging.getLogger(__name__)


class Monitor:
    """`run/started` once the API answers and the loop came round, and `run/ready` as long as it trades then;

    `run/alive` while the loop comes round; `run/stopped` while freqtrade is in its state STOPPED, with the reason.
    """

    def __init__(
        self,
        rendered: Rendered,
        liveness: Liveness,
        termination_log: Path,
        wanted_state: WantedState | None = None,
        stopped_by: Callable[[], Failure | None] = lambda: None,
        ending: Ending | None = None,
    ) -> None:
        """`stopped_by` gives the error for which freqtrade stopped trading."""
        self._rendered = rendered
        self._liveness = liveness
        self._termination_log = termination_log
        self._wanted_state = wanted_state
        self._stopped_by = stopped_by
        self._ending = ending
        self._started = False
        self._hung = False

    @property
    def hung(self) -> bool:
        """Whether the loop is hung now."""
        return self._hung

    def start(self) -> None:
        """Look every second until the process ends."""
        threading.Thread(target=self._run, name="btcwatcher-monitor", daemon=True).start()

    def look(self, now: float) -> None:
        """Look once; `now` in monotonic seconds."""
        # A user's log_config may silence INFO lines, and with them the heartbeat.
        for name in (_WORKER_LOGGER, ENDS):
            if not logging.getLogger(name).isEnabledFor(logging.INFO):
                logging.getLogger(name).setLevel(logging.INFO)
        if self._ending is not None and self._ending.look(now):
            logger.warning("SIGTERM was not heeded: sent again")
        if self._liveness.hung(now):
            self._on_hang(now)
        else:
            self._on_life()
        if not self._started and self._liveness.came_round and self._api_answers():
            self._started = True
        if self._started:
            present(places.STARTED)
        if self._liveness.stopped:
            self._on_stop()
        elif self._started and not self._hung:
            absent(places.STOPPED)
            present(places.READY)
        if self._started and self._rendered.api_enabled and self._wanted_state is not None:
            self._wanted_state.look()

    def _on_stop(self) -> None:
        """freqtrade goes on answering, and trades nothing until it is told to."""
        failure = self._stopped_by()
        why = f"{failure.reason.value}: {failure.message}" if failure else "it was told to, and not by its Strategy"
        line = " ".join(scrub(why).split())[:_STOPPED_LIMIT]
        places.STOPPED.write_text(f"{STOPPED_PREFIX}{line}\n", encoding="utf-8", errors="replace")
        absent(places.READY)

    def _on_hang(self, now: float) -> None:
        absent(places.ALIVE)
        if not self._hung:
            self._hung = True
            words = f"the trading loop has not come round for {self._liveness.silent_for(now):.0f} s"
            # Written now: a loop that hangs in native code ends by SIGKILL, without another word.
            termination.write(self._termination_log, Failure(Reason.BOT_EXITED, words))
            logger.error("%s; the liveness file is gone, so that the bot is restarted", words)

    def _on_life(self) -> None:
        present(places.ALIVE)
        if self._hung:
            self._hung = False
            termination.write(self._termination_log, None)
            logger.warning("the trading loop comes round again")

    def _api_answers(self) -> bool:
        if not self._rendered.api_enabled:
            return True
        return ports.api_answers(self._rendered.listen_address, self._rendered.listen_port)

    def _run(self) -> None:
        while True:
            try:
                self.look(time.monotonic())
            except OSError as error:
                logger.warning("cannot keep the health files: %s", error)
            time.sleep(_LOOK_EVERY)
