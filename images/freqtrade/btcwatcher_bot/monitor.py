"""The thread that keeps the health files true while freqtrade trades in the main thread."""

import logging
import threading
import time
from pathlib import Path

from btcwatcher_bot import places, ports, termination
from btcwatcher_bot.health_files import absent, present
from btcwatcher_bot.heartbeat import Liveness
from btcwatcher_bot.rendered import Rendered
from btcwatcher_bot.termination import Failure, Reason
from btcwatcher_bot.wanted_state import WantedState

_LOOK_EVERY = 1.0
_WORKER_LOGGER = "freqtrade.worker"
logger = logging.getLogger(__name__)


class Monitor:
    """`run/ready` once the API answers and the loop came round; `run/alive` while the loop comes round."""

    def __init__(
        self, rendered: Rendered, liveness: Liveness, termination_log: Path, wanted_state: WantedState | None = None
    ) -> None:
        self._rendered = rendered
        self._liveness = liveness
        self._termination_log = termination_log
        self._wanted_state = wanted_state
        self._ready = False
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
        # A user's log_config may silence the worker's INFO lines, and with them the heartbeat.
        worker = logging.getLogger(_WORKER_LOGGER)
        if not worker.isEnabledFor(logging.INFO):
            worker.setLevel(logging.INFO)
        if self._liveness.hung(now):
            self._on_hang(now)
        else:
            self._on_life()
        if not self._ready and self._liveness.came_round and self._api_answers():
            self._ready = True
        if self._ready and not self._hung:
            present(places.READY)
        if self._ready and self._rendered.api_enabled and self._wanted_state is not None:
            self._wanted_state.look()

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
