"""Whether the trading loop still comes round, told by the log lines it leaves."""

import re
from dataclasses import dataclass

DEFAULT_INTERVAL = 15.0
"""Seconds between heartbeat lines when the config does not say."""
_WORKER = "freqtrade.worker"
_HEARTBEAT = re.compile(r"Bot heartbeat\. .*state='([A-Z_]+)'")
_CHANGE = re.compile(r"Changing state\b.* to: ([A-Z_]+)$")
_AFTER_RELOAD = "Changing state from RELOAD_CONFIG "
_EXCHANGE = "freqtrade.exchange."
STOPPED = "STOPPED"


def heartbeat_state(logger: str, message: str) -> str | None:
    """The state in a heartbeat line (RUNNING, PAUSED, STOPPED, RELOAD_CONFIG); None for any other line."""
    if logger != _WORKER:
        return None
    match = _HEARTBEAT.match(message)
    return match.group(1) if match else None


def changed_state(logger: str, message: str) -> str | None:
    """The new state in the line that tells of a change; None for any other line."""
    match = _CHANGE.match(message) if logger == _WORKER else None
    return match.group(1) if match else None


def is_after_reload(message: str) -> bool:
    """Whether a line that tells of a change of state tells of the end of a reload."""
    return message.startswith(_AFTER_RELOAD)


def is_progress(logger: str, thread: str) -> bool:
    """Whether a line shows the loop at work within one round.

    While the exchange is away, one round with many pairs and trades is a long row of time-outs and retries, each of
    which the exchange code logs from the loop's thread. That is waiting, not hanging.
    """
    return thread == "MainThread" and logger.startswith(_EXCHANGE)


def heartbeat_interval(configured: object, hang_seconds: float) -> float:
    """Seconds between heartbeat lines: as configured, unless that is none at all or too rare to tell a hang."""
    if isinstance(configured, bool) or not isinstance(configured, int | float) or configured <= 0:
        return DEFAULT_INTERVAL
    return min(float(configured), max(1.0, hang_seconds / 4))


def patience(hang_seconds: float, interval: float, throttle: object) -> float:
    """Seconds without a sign after which the loop counts as hung.

    Never less than two rounds: a stopped bot comes round once in `process_throttle_secs`.
    """
    throttle_seconds = float(throttle) if isinstance(throttle, int | float) and throttle > 0 else 5.0
    return max(hang_seconds, 2 * (throttle_seconds + interval))


@dataclass(slots=True)
class Liveness:
    """The loop's last sign of life. Times are monotonic seconds."""

    patience: float
    last_sign: float | None = None
    stopped: bool = False
    """Whether freqtrade is in its state STOPPED: the loop comes round, and nothing is traded."""

    @property
    def came_round(self) -> bool:
        """Whether the loop has come round once: before that, start-up is the startup probe's affair."""
        return self.last_sign is not None

    def heartbeat(self, now: float) -> None:
        """The loop came round."""
        self.last_sign = now

    def progress(self, now: float) -> None:
        """The loop is at work. Means nothing before the first round."""
        if self.last_sign is not None:
            self.last_sign = now

    def silent_for(self, now: float) -> float:
        """Seconds since the last sign; 0 before the first."""
        return 0.0 if self.last_sign is None else now - self.last_sign

    def hung(self, now: float) -> bool:
        """Whether the loop has been silent for longer than it may."""
        return self.silent_for(now) > self.patience
