"""Which channels are told of a signal: pure, from its Strategy's own `spec.signals.notify`."""

from btcwatcher_api.signals.grading import LEVEL_PRIORITY
from btcwatcher_api.signals.types import Grade, Priority
from btcwatcher_crds.strategy import Notify


def channels_of(graded: Grade, notify: Notify) -> list[str]:
    """The NotificationChannels, each once, that a signal of this grade goes to.

    The minimum level is one of urgency, so that it holds for what has no level too: Strong lets P0 through, Medium P0
    and P1, Weak and Ignore all that has a priority.
    """
    if graded.priority is None or not notify.channels:
        return []
    least = LEVEL_PRIORITY[notify.min_level]
    if graded.priority > (Priority.P2 if least is None else least):
        return []
    return list(dict.fromkeys(notify.channels))
